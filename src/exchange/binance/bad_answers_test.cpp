// What the venue answers and cannot be read: never taken for a word about an order, and the next one is served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/test_server.h"
#include "exchange/binance/trading_venue.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::Outcome;
using exchange::Unknown;
using test::ParameterOf;
using test::RunInFiber;
using test::TestServer;
using trading::operator""_dec;

http::Response OrderAnswer(const http::Request& request) {
  return http::Json(R"({"orderId":7,"symbol":"BTCUSDT","status":"NEW","clientOrderId":")" +
                    ParameterOf(request, "newClientOrderId") +
                    R"(","price":"0","avgPrice":"0","origQty":"0.002","executedQty":"0","type":"MARKET",)" +
                    R"("reduceOnly":false,"side":"BUY","stopPrice":"0","updateTime":1})");
}

std::vector<std::string> Spoilt(const std::string& good) {
  std::string no_status = good;
  no_status.replace(no_status.find("\"status\""), 8, "\"state\"");
  return {"",
          "{",
          "[]",
          "{}",
          R"({"orderId":7})",
          "<html>",
          good.substr(0, good.size() - 9),
          no_status,
          good + good,
          std::string(3'000'000, '[')};
}

struct AnsweringVenue {
  explicit AnsweringVenue(fiber::Loop& loop)
      : server(loop),
        venue(loop,
              std::make_shared<Rest>(loop, RestOptions{.hosts = server.hosts(), .credentials = {"key", "secret"}},
                                     SystemClock(), SystemRandom()),
              SystemClock(), SystemRandom()) {}
  ~AnsweringVenue() { venue.Stop(); }
  Outcome Place(const std::string& id) {
    return venue.Place({.client_order_id = id, .symbol = "BTCUSDT", .quantity = "0.002"_dec});
  }
  TestServer server;
  TradingVenue venue;
};

TEST(BadInput, AnAnswerToAnOrderThatCannotBeReadLeavesItUnknownAndTheNextOrderIsServed) {
  RunInFiber([](fiber::Loop& loop) {
    AnsweringVenue bench(loop);
    http::Request request;
    request.body = "newClientOrderId=qt-spoilt";
    int number = 0;
    for (const std::string& body : Spoilt(OrderAnswer(request).body)) {
      bench.server.answer = [&](const http::Request&) { return http::Json(body); };
      const Outcome outcome = bench.Place("qt-spoilt");
      const auto* unknown = std::get_if<Unknown>(&outcome);
      ASSERT_NE(unknown, nullptr) << body.substr(0, 100);
      EXPECT_TRUE(unknown->signed_for.has_value()) << "so that its absence can be proven";
      bench.server.answer = OrderAnswer;
      EXPECT_TRUE(std::holds_alternative<Accepted>(bench.Place("qt-" + std::to_string(++number))));
    }
    // One that is whole and speaks of another order.
    bench.server.answer = [&](const http::Request&) { return OrderAnswer(request); };
    EXPECT_TRUE(std::holds_alternative<Unknown>(bench.Place("qt-mine")));
  });
}

TEST(BadInput, AnAnswerToAQuestionThatCannotBeReadIsNoAnswer) {
  RunInFiber([](fiber::Loop& loop) {
    AnsweringVenue bench(loop);
    TradingVenue& venue = bench.venue;
    for (const std::string body : {"", "{", R"({"a":1})", R"([{"a":1}])", "<html>", R"("text")", "7"}) {
      bench.server.answer = [&](const http::Request&) { return http::Json(body); };
      const auto refused = [&](const char* what, const auto& result) {
        EXPECT_FALSE(result.ok()) << what << " was read from " << body;
        if (!result.ok()) {
          EXPECT_NE(result.error().code, Errc::kNotFound) << what << ": that it is not there was not said by " << body;
        }
      };
      refused("Rules", venue.Rules());
      refused("Find", venue.Find("BTCUSDT", "qt-1", false));
      refused("Find, conditional", venue.Find("BTCUSDT", "qt-1", true));
      refused("OpenOrders", venue.OpenOrders());
      refused("OpenOrdersOf", venue.OpenOrdersOf({"BTCUSDT"}));
      refused("FillsUnnamed", venue.FillsUnnamed("BTCUSDT", 0));
      refused("OrderHistory", venue.OrderHistory("BTCUSDT", 0, false));
      refused("Funding", venue.Funding(WallTime{}));
      refused("Positions", venue.Positions());
      refused("GetAccount", venue.GetAccount());
      refused("SetLeverage", venue.SetLeverage("BTCUSDT", 3));
      refused("GetSymbolConfig", venue.GetSymbolConfig("BTCUSDT"));
      refused("IsHedgeMode", venue.IsHedgeMode());
      refused("CountdownCancelAll", venue.CountdownCancelAll("BTCUSDT", 1s));
    }
    bench.server.answer = OrderAnswer;
    EXPECT_TRUE(std::holds_alternative<Accepted>(bench.Place("qt-next")));
  });
}

}  // namespace
}  // namespace quantum::binance
