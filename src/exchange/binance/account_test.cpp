// What is set for the account is compared with what the venue says stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/test_server.h"
#include "exchange/binance/trading_venue.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::MarginType;
using test::ParameterOf;
using test::RunInFiber;
using test::TestServer;

// A venue that answers every request but for the time with this.
void WithAnswer(const http::Response& answer, const std::function<void(exchange::TradingVenue&, TestServer&)>& body) {
  RunInFiber([&](fiber::Loop& loop) {
    TestServer server(loop);
    server.answer = [&](const http::Request&) { return answer; };
    const auto rest = std::make_shared<Rest>(
        loop, RestOptions{.hosts = server.hosts(), .credentials = {"key", "secret"}}, SystemClock(), SystemRandom());
    TradingVenue venue(loop, rest, SystemClock(), SystemRandom());
    body(venue, server);
    venue.Stop();
  });
}

TEST(Leverage, IsWhatTheVenueSaysItSet) {
  WithAnswer(http::Json(R"({"leverage":10,"maxNotionalValue":"1000000","symbol":"BTCUSDT"})"),
             [](exchange::TradingVenue& venue, TestServer& server) {
               EXPECT_TRUE(venue.SetLeverage("BTCUSDT", 10).ok());
               EXPECT_EQ(ParameterOf(server.requests.back(), "leverage"), "10");
               EXPECT_EQ(venue.SetLeverage("BTCUSDT", 20).error().code, Errc::kConflict);
             });
}

TEST(MarginType, OneThatStandsAlreadyIsSet) {
  WithAnswer(http::Json(R"({"code":-4046,"msg":"No need to change margin type."})", 400),
             [](exchange::TradingVenue& venue, TestServer& server) {
               EXPECT_TRUE(venue.SetMarginType("BTCUSDT", MarginType::kIsolated).ok());
               EXPECT_EQ(server.requests.back().path, "/fapi/v1/marginType");
               EXPECT_EQ(ParameterOf(server.requests.back(), "marginType"), "ISOLATED");
             });
  WithAnswer(http::Json(R"({"code":-4048,"msg":"Margin type cannot be changed if there exists position."})", 400),
             [](exchange::TradingVenue& venue, TestServer&) {
               EXPECT_FALSE(venue.SetMarginType("BTCUSDT", MarginType::kCrossed).ok());
             });
}

TEST(SymbolConfig, TellsLeverageAndMarginTypeOfTheSymbolThatWasAskedFor) {
  WithAnswer(http::Json(R"([{"symbol":"ETHUSDT","marginType":"CROSSED","isAutoAddMargin":false,"leverage":3,
                             "maxNotionalValue":"1"},
                            {"symbol":"BTCUSDT","marginType":"ISOLATED","isAutoAddMargin":false,"leverage":21,
                             "maxNotionalValue":"1000000"}])"),
             [](exchange::TradingVenue& venue, TestServer&) {
               const auto config = venue.GetSymbolConfig("BTCUSDT");
               ASSERT_TRUE(config.ok()) << config.error().message;
               EXPECT_EQ(config->leverage, 21);
               EXPECT_EQ(config->margin_type, MarginType::kIsolated);
               EXPECT_FALSE(venue.GetSymbolConfig("SOLUSDT").ok());
             });
  WithAnswer(http::Json(R"([{"symbol":"BTCUSDT","marginType":"HYBRID","leverage":21}])"),
             [](exchange::TradingVenue& venue, TestServer&) {
               EXPECT_FALSE(venue.GetSymbolConfig("BTCUSDT").ok()) << "what is not understood is not taken for CROSSED";
             });
}

TEST(PositionMode, IsAsked) {
  for (const bool hedge : {false, true}) {
    WithAnswer(http::Json(hedge ? R"({"dualSidePosition":true})" : R"({"dualSidePosition":false})"),
               [&](exchange::TradingVenue& venue, TestServer&) { EXPECT_EQ(venue.IsHedgeMode().value(), hedge); });
  }
}

TEST(Countdown, IsWhatTheVenueSaysItSet) {
  WithAnswer(http::Json(R"({"symbol":"BTCUSDT","countdownTime":"120000"})"),
             [](exchange::TradingVenue& venue, TestServer& server) {
               EXPECT_TRUE(venue.CountdownCancelAll("BTCUSDT", 120s).ok());
               EXPECT_EQ(server.requests.back().path, "/fapi/v1/countdownCancelAll");
               EXPECT_EQ(ParameterOf(server.requests.back(), "countdownTime"), "120000");
               EXPECT_EQ(venue.CountdownCancelAll("BTCUSDT", 0s).error().code, Errc::kConflict)
                   << "a switch that is armed still is not taken for disarmed";
             });
  WithAnswer(http::Json("{}", 503), [](exchange::TradingVenue& venue, TestServer&) {
    EXPECT_EQ(venue.CountdownCancelAll("BTCUSDT", 120s).error().code, Errc::kUnknownOutcome);
  });
}

}  // namespace
}  // namespace quantum::binance
