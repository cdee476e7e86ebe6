// The kinds of orders and what is set for the account, against the paper exchange.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/test_server.h"
#include "exchange/binance/venue_factory.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/slowdown.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::MarginType;
using exchange::NewOrder;
using exchange::Outcome;
using exchange::Rejected;
using quantum::testing::kSlowdown;
using trading::Decimal;
using trading::OrderStatus;
using trading::OrderType;
using trading::Rounding;
using trading::Side;
using trading::TimeInForce;
using trading::operator""_dec;

class VenueOrdersTest : public ::testing::Test {
 protected:
  VenueOrdersTest() : paper_(checkout::BinaryDirectory()) { paper_.Start(); }

  void WithVenue(const std::function<void(exchange::TradingVenue&, Decimal mark)>& body) {
    test::RunInFiber([&](fiber::Loop& loop) {
      const VenueParameters parameters{.loop = &loop,
                                       .mode = config::Mode::kPaper,
                                       .hosts = HostsOf(config::Mode::kPaper, paper_.port()),
                                       .credentials = {paper_.key(), paper_.secret()}};
      const auto venue = MakeTradingVenue(parameters).value();
      const auto market = MakeMarketVenue(parameters).value();
      Result<exchange::DepthSnapshot> book = Error{};
      ASSERT_TRUE(test::Within(10s * kSlowdown, [&] {
        book = market->Depth("BTCUSDT", 5);
        return book.ok() && !book->bids.empty();
      }));
      ASSERT_TRUE(venue->Rules().ok());  // this exchange's limits, which are a hundredfold
      body(*venue, book->bids.front().price);
      venue->Stop();
      market->Stop();
    });
  }

  quantum::testing::PaperExchangeProcess paper_;
};

NewOrder Limit(std::string id, Decimal price, TimeInForce time_in_force) {
  return {.client_order_id = std::move(id),
          .symbol = "BTCUSDT",
          .side = Side::kBuy,
          .type = OrderType::kLimit,
          .time_in_force = time_in_force,
          .quantity = "0.01"_dec,
          .price = price.RoundTo("0.1"_dec, Rounding::kDown)};
}

int CodeOf(const Outcome& outcome) {
  const auto* rejected = std::get_if<Rejected>(&outcome);
  return rejected == nullptr ? 0 : rejected->code;
}

TEST_F(VenueOrdersTest, TimeInForceIsTheVenuesToKeep) {
  WithVenue([](exchange::TradingVenue& venue, Decimal price) {
    const Decimal through = price.Times("1.01"_dec);  // buys at once
    const Decimal below = price.Times("0.97"_dec);    // rests
    EXPECT_EQ(CodeOf(venue.Place(Limit("qt-gtx", through, TimeInForce::kGtx))), -5022);
    EXPECT_EQ(CodeOf(venue.Place(Limit("qt-fok", below, TimeInForce::kFok))), -5021);
    const Outcome ioc = venue.Place(Limit("qt-ioc", below, TimeInForce::kIoc));
    ASSERT_TRUE(std::holds_alternative<Accepted>(ioc));
    EXPECT_EQ(venue.Find("BTCUSDT", "qt-ioc", false)->report.status, OrderStatus::kExpired);
    const Outcome bought = venue.Place(Limit("qt-now", through, TimeInForce::kIoc));
    ASSERT_TRUE(std::holds_alternative<Accepted>(bought));
    EXPECT_EQ(venue.Find("BTCUSDT", "qt-now", false)->report.filled_quantity, "0.01"_dec);
    ASSERT_TRUE(std::holds_alternative<Accepted>(venue.Place(Limit("qt-maker", below, TimeInForce::kGtx))));
    EXPECT_EQ(venue.OpenOrders()->size(), 1u);
  });
}

TEST_F(VenueOrdersTest, TheDeadMansSwitchCancelsWhatRestsUnlessItIsRefreshed) {
  WithVenue([](exchange::TradingVenue& venue, Decimal price) {
    const Decimal below = price.Times("0.97"_dec);
    ASSERT_TRUE(std::holds_alternative<Accepted>(venue.Place(Limit("qt-kept", below, TimeInForce::kGtc))));
    ASSERT_TRUE(venue.CountdownCancelAll("BTCUSDT", 60s).ok());
    ASSERT_TRUE(venue.CountdownCancelAll("BTCUSDT", 0s).ok());
    EXPECT_EQ(venue.OpenOrders()->size(), 1u) << "disarmed";
    ASSERT_TRUE(venue.CountdownCancelAll("BTCUSDT", 200ms).ok());
    EXPECT_TRUE(test::Within(10s * kSlowdown, [&] { return venue.OpenOrders()->empty(); }));
  });
}

TEST_F(VenueOrdersTest, ATrailingStopStandsAtTheVenue) {
  WithVenue([](exchange::TradingVenue& venue, Decimal) {
    ASSERT_TRUE(std::holds_alternative<Accepted>(
        venue.Place({.client_order_id = "qt-entry", .symbol = "BTCUSDT", .quantity = "0.01"_dec})));
    const Outcome trailing = venue.Place({.client_order_id = "qt-trail",
                                          .symbol = "BTCUSDT",
                                          .side = Side::kSell,
                                          .type = OrderType::kTrailingStop,
                                          .quantity = "0.01"_dec,
                                          .callback_percent = "5"_dec,
                                          .reduce_only = true});
    ASSERT_TRUE(std::holds_alternative<Accepted>(trailing)) << CodeOf(trailing);
    const auto found = venue.Find("BTCUSDT", "qt-trail", true);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->type, OrderType::kTrailingStop);
    EXPECT_EQ(found->callback_percent, "5"_dec);
    EXPECT_TRUE(venue.Cancel("BTCUSDT", "qt-trail", true).ok());
  });
}

TEST_F(VenueOrdersTest, MarginTypeAndPositionModeAreSetAndAsked) {
  WithVenue([](exchange::TradingVenue& venue, Decimal) {
    EXPECT_FALSE(venue.IsHedgeMode().value());
    for (int i = 0; i < 2; ++i) {
      const Status set = venue.SetMarginType("BTCUSDT", MarginType::kIsolated);
      EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().message);
    }
    EXPECT_TRUE(venue.SetLeverage("BTCUSDT", 7).ok());
    const auto config = venue.GetSymbolConfig("BTCUSDT");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->margin_type, MarginType::kIsolated);
    EXPECT_EQ(config->leverage, 7);
    EXPECT_TRUE(venue.SetMarginType("BTCUSDT", MarginType::kCrossed).ok());
    EXPECT_EQ(venue.GetSymbolConfig("BTCUSDT")->margin_type, MarginType::kCrossed);
  });
}

// Of the frames themselves platform_http_test holds the server to account (MalformedRequest).
TEST_F(VenueOrdersTest, BadInputWhatIsNoRequestIsRefusedAndTheNextOrderIsServed) {
  WithVenue([this](exchange::TradingVenue& venue, Decimal) {
    int number = 0;
    const auto next_is_served = [&] {
      const std::string id = "qt-next-" + std::to_string(++number);
      EXPECT_TRUE(std::holds_alternative<Accepted>(
          venue.Place({.client_order_id = id, .symbol = "BTCUSDT", .quantity = "0.01"_dec})));
      EXPECT_EQ(venue.Positions()->front().quantity, "0.01"_dec.Times(Decimal::FromInt(number)));
    };
    const std::string key = "X-MBX-APIKEY: " + paper_.key() + "\r\n";
    struct Case {
      const char* method;
      std::string path;
      std::string body;
      int status;
      const char* says;
    };
    for (const Case& each :
         {Case{"POST", "/fapi/v1/order", std::string(2 << 20, 'x'), 413, "code"},
          Case{"POST", "/fapi/v1/order?" + std::string(20'000, 'x'), "", 431, "code"},
          Case{"P\x01ST", "/fapi/v1/order", "", 400, "code"},
          Case{"POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01", 400, "-1102"},
          Case{"POST", "/fapi/v1/order", std::string("\0=\xff&&&==%zz", 11), 400, "-1102"},
          Case{"POST", "/fapi/v1/order", "timestamp=1&timestamp=2&signature=0", 400, "-1101"},
          Case{"PATCH", "/fapi/v1/order", "", 405, "code"}, Case{"POST", "/fapi/v1/orders", "", 404, "code"}}) {
      const auto answer = quantum::testing::HttpSend(paper_.port(), each.method, each.path, key, each.body);
      ASSERT_TRUE(answer.has_value()) << each.path.substr(0, 60);
      EXPECT_EQ(answer->first, each.status) << answer->second;
      EXPECT_THAT(answer->second, ::testing::HasSubstr(each.says));
      next_is_served();
    }
    fiber::Loop& loop = fiber::CurrentLoop();
    for (const std::string& frame : {std::string("{"), std::string("\xff\xfe"), std::string("[]"),
                                     std::string(R"({"method":"SUBSCRIBE"})"), std::string(17 << 20, '[')}) {
      http::WebSocketClient socket(loop);
      ASSERT_TRUE(socket.Connect("ws://127.0.0.1:" + std::to_string(paper_.port()) + "/public/ws", 5s).ok());
      static_cast<void>(socket.Write(frame).ok());
      const auto answer = socket.Read(5s);
      EXPECT_TRUE(!answer.ok() || answer->find("Invalid") != std::string_view::npos) << frame.substr(0, 60);
      EXPECT_TRUE(answer.ok() || answer.error().code == Errc::kUnavailable) << "the connection ends, and no more";
      next_is_served();
    }
  });
}

}  // namespace
}  // namespace quantum::binance
