#include "exchange/binance/market_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "platform/http/server.h"
#include "platform/metrics/names.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

std::string Trade(int64_t id) {
  return fmt::format(
      R"({{"stream":"btcusdt@trade","data":{{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":{},"p":"1","q":"2","X":"MARKET","m":true}}}})",
      id);
}

TEST(MarketStream, AFrameThatCannotBeReadIsCountedAndCostsNothingElse) {
  static metrics::Counter& bad = metrics::GetCounter(metrics::kMarketFramesBad);
  const double before = bad.value();
  const std::vector<std::string> frames = {Trade(1), "{\"stream\":", R"({"data":{"e":"trade"}})",
                                           "[]",     Trade(2),       Trade(3)};
  std::vector<int64_t> seen;
  int connections = 0;
  fiber::Loop loop("test");
  http::Server server(loop, {});
  server.WebSocket("/stream", [&](const http::Request&, http::WebSocketSession& session) {
    for (const std::string& frame : frames) {
      EXPECT_TRUE(session.Write(frame).ok());
    }
    while (session.Read()) {
    }
  });
  ASSERT_TRUE(server.Start().ok());
  loop.Spawn([&] {
    SeededRandom random(1);
    const auto stream = std::make_shared<MarketStream>(loop, fmt::format("ws://127.0.0.1:{}/stream", server.port()),
                                                       MarketStreamOptions{}, SystemClock(), random);
    stream->Start(
        [&](const exchange::MarketEvent& event) { seen.push_back(std::get<exchange::MarketTrade>(event).trade_id); },
        [&] { ++connections; });
    for (int i = 0; i < 1000 && seen.size() < 3; ++i) {
      fiber::SleepFor(10ms);
    }
    stream->Stop();
    fiber::SleepFor(600ms);  // it sees the stop within a slice
    server.Stop();
    loop.Stop();
  });
  loop.Run();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_EQ(connections, 1) << "the connection was given up";
  EXPECT_EQ(bad.value() - before, 3);
}

}  // namespace
}  // namespace quantum::binance
