#include "exchange/binance/rolling_socket.h"

#include <gtest/gtest.h>

#include "exchange/binance/market_stream.h"
#include "exchange/binance/numbered_streams.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using test::Gaps;
using test::NumberedStreams;
using test::RunInFiber;
using test::Within;

constexpr RollingOptions kQuick{.lifetime = 300ms, .overlap = 100ms, .try_again = 100ms};

// What comes while three connections follow each other.
std::vector<int64_t> ReadThrough(fiber::Loop& loop, NumberedStreams& streams) {
  RollingSocket socket(
      loop, [&]() -> Result<std::string> { return streams.Url("/stream"); }, kQuick, SystemClock());
  EXPECT_TRUE(socket.Connect().ok());
  std::vector<int64_t> numbers;
  const SteadyTime end = SystemClock().Steady() + 10s;
  while (streams.connections < 4 && SystemClock().Steady() < end) {
    const auto frame = socket.Read(50ms);
    if (frame.ok()) {
      numbers.push_back(std::stoll(std::string(*frame)));
    } else if (frame.error().code != Errc::kTimeout) {
      ADD_FAILURE() << frame.error().message;
      break;
    }
  }
  return numbers;
}

TEST(RollingSocket, ANewConnectionStandsBeforeTheOldOneIsClosedAndNothingFallsBetween) {
  RunInFiber([](fiber::Loop& loop) {
    NumberedStreams streams(loop, "/stream", [](int64_t number) { return std::to_string(number); });
    streams.Start();
    const std::vector<int64_t> numbers = ReadThrough(loop, streams);
    streams.Stop();
    EXPECT_EQ(streams.connections, 4);
    EXPECT_GT(numbers.size(), 100u);
    EXPECT_EQ(Gaps(numbers), 0);
    EXPECT_EQ(streams.standing_most, 2);
    EXPECT_TRUE(Within(10s, [&] { return streams.standing == 0; })) << "all are closed";
  });
}

TEST(RollingSocket, TheNewOneTakesOverAtOnceWhenTheOldOneFailsBesideIt) {
  RunInFiber([](fiber::Loop& loop) {
    NumberedStreams streams(loop, "/stream", [](int64_t number) { return std::to_string(number); });
    streams.Start();
    streams.abort_old = true;
    const std::vector<int64_t> numbers = ReadThrough(loop, streams);
    streams.Stop();
    EXPECT_EQ(streams.connections, 4);
    EXPECT_EQ(Gaps(numbers), 0) << "the new one has all from the moment it stands";
    EXPECT_TRUE(Within(10s, [&] { return streams.standing == 0; }));
  });
}

TEST(MarketStream, IsFollowedByAnotherConnectionWithoutAGapOrARepeat) {
  RunInFiber([](fiber::Loop& loop) {
    NumberedStreams streams(loop, "/stream", [](int64_t number) {
      return fmt::format(R"({{"stream":"btcusdt@trade","data":{{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":{},"p":"1",)"
                         R"("q":"2","X":"MARKET","m":true}}}})",
                         number);
    });
    streams.Start();
    std::vector<int64_t> numbers;
    int connected = 0;
    const auto stream = std::make_shared<MarketStream>(
        loop, streams.Url("/stream"), MarketStreamOptions{.rolling = kQuick}, SystemClock(), SystemRandom());
    stream->Start(
        [&](const exchange::MarketEvent& event) { numbers.push_back(std::get<exchange::MarketTrade>(event).trade_id); },
        [&] { ++connected; });
    ASSERT_TRUE(Within(10s, [&] { return streams.connections == 4; }));
    stream->Stop();
    ASSERT_TRUE(Within(10s, [&] { return streams.standing == 0; }));
    streams.Stop();
    EXPECT_EQ(connected, 1) << "no book has to be built anew";
    EXPECT_EQ(Gaps(numbers), 0);
    ASSERT_FALSE(numbers.empty());
    EXPECT_EQ(static_cast<int64_t>(numbers.size()), numbers.back() - numbers.front() + 1) << "each once";
  });
}

}  // namespace
}  // namespace quantum::binance
