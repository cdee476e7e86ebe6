// When and under what a request is signed and sent.
#include "exchange/binance/rest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/test_server.h"
#include "exchange/binance/trading_venue.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using test::ParameterOf;
using test::RunInFiber;
using test::TestServer;
using test::Within;
using trading::operator""_dec;
using Kind = Budget::Kind;

constexpr int64_t kVenueMs = 1'700'000'000'000;

// The connector by a clock that only the test moves, so that what is signed is exact.
struct Bench {
  explicit Bench(fiber::Loop& loop) : server(loop) {
    server.venue_ms = [this] { return VenueMs(); };
    rest = std::make_shared<Rest>(loop, RestOptions{.hosts = server.hosts(), .credentials = {"key", "secret"}}, clock,
                                  SystemRandom());
  }
  int64_t VenueMs() const {
    return kVenueMs + std::chrono::duration_cast<std::chrono::milliseconds>(clock.Steady() - started).count();
  }
  ManualClock clock;
  SteadyTime started = clock.Steady();
  TestServer server;
  std::shared_ptr<Rest> rest;
};

TEST(Rest, ARequestIsSignedWhenAConnectionIsInHandNotBefore) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    bool release = false;
    bench.server.answer = [&](const http::Request&) {
      while (!release) {
        fiber::SleepFor(5ms);
      }
      return http::Json("{}");
    };
    constexpr int kPlaces = 32;
    int answered = 0;
    for (int i = 0; i < kPlaces + 1; ++i) {
      loop.Spawn([&] {
        EXPECT_TRUE(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).ok());
        ++answered;
      });
    }
    ASSERT_TRUE(Within(10s, [&] { return bench.server.Count("/fapi/v1/order") == kPlaces; }));
    bench.clock.Advance(2s);  // twice the receive window, while the last one waits
    release = true;
    ASSERT_TRUE(Within(10s, [&] { return answered == kPlaces + 1; }));
    EXPECT_EQ(ParameterOf(bench.server.requests.front(), "timestamp"), std::to_string(kVenueMs));
    EXPECT_EQ(ParameterOf(bench.server.requests.back(), "timestamp"), std::to_string(kVenueMs + 2000));
    EXPECT_EQ(ParameterOf(bench.server.requests.back(), "recvWindow"), "1000");
  });
}

TEST(SendGuard, IsAskedForEveryWriteAfterTheTimeWasTakenAndForTheWindowAndTheClocksError) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    bench.server.venue_ms = [&] {
      const int64_t now = bench.VenueMs();
      bench.clock.Advance(80ms);  // the answer's way back: the clock is known to 40 ms
      return now;
    };
    ASSERT_TRUE(bench.rest->SyncClock().ok());
    std::vector<Duration> asked;
    bench.rest->SetSendGuard([&](Duration valid_for) -> Status {
      asked.push_back(valid_for);
      bench.clock.Advance(300ms);  // a stopped process, a slow machine
      return {};
    });
    for (const Kind kind : {Kind::kEntry, Kind::kExit, Kind::kCancel}) {
      const int64_t before = bench.rest->VenueMs().value();
      ASSERT_TRUE(bench.rest->Write("POST", "/fapi/v1/order", {}, kind, 1).ok());
      EXPECT_EQ(ParameterOf(bench.server.requests.back(), "timestamp"), std::to_string(before))
          << "signed for the time that was taken before the guard was asked";
    }
    ASSERT_TRUE(bench.rest->Query("/fapi/v1/order", {}, 1).ok());
    ASSERT_TRUE(bench.rest->Keyed("POST", "/fapi/v1/listenKey").ok());
    EXPECT_EQ(asked.size(), 3u) << "what only asks is not guarded";
    for (const Duration valid_for : asked) {
      EXPECT_GE(valid_for, 1s + 40ms);
      EXPECT_LT(valid_for, 1s + 50ms);
    }
  });
}

TEST(SendGuard, ARefusalIsRejectedWithCodeZeroAndNothingIsSent) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    TradingVenue venue(loop, bench.rest, bench.clock, SystemRandom());
    bool leader = false;
    venue.SetSendGuard([&](Duration) -> Status {
      return leader ? Status() : Error{Errc::kUnavailable, "NOT_LEADER: the lease is another's"};
    });
    for (const bool reduce_only : {false, true}) {
      const exchange::Outcome outcome = venue.Place(
          {.client_order_id = "qt-1", .symbol = "BTCUSDT", .quantity = "1"_dec, .reduce_only = reduce_only});
      const auto* rejected = std::get_if<exchange::Rejected>(&outcome);
      ASSERT_NE(rejected, nullptr);
      EXPECT_EQ(rejected->code, 0);
      EXPECT_EQ(rejected->message, "NOT_LEADER: the lease is another's");
    }
    EXPECT_EQ(venue.Cancel("BTCUSDT", "qt-1", false).error().code, Errc::kConflict);
    EXPECT_EQ(venue.Cancel("BTCUSDT", "qt-1", true).error().code, Errc::kConflict);
    EXPECT_EQ(venue.CancelAll("BTCUSDT").error().code, Errc::kConflict);
    EXPECT_EQ(venue.SetLeverage("BTCUSDT", 3).error().code, Errc::kConflict);
    EXPECT_TRUE(bench.server.requests.empty());
    leader = true;
    EXPECT_TRUE(venue.Cancel("BTCUSDT", "qt-1", false).ok());
    EXPECT_EQ(bench.server.requests.size(), 1u);
    venue.Stop();
  });
}

}  // namespace
}  // namespace quantum::binance
