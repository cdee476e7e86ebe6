// When and under what a request is signed and sent.
#include "exchange/binance/rest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/market_venue.h"
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
        EXPECT_TRUE(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).answer.ok());
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
    bool in_doubt = false;
    bench.rest->SetSendGuard([&](Duration valid_for, bool allowed_in_doubt) -> Status {
      asked.push_back(valid_for);
      in_doubt = allowed_in_doubt;
      bench.clock.Advance(300ms);  // a stopped process, a slow machine
      return {};
    });
    for (const Kind kind : {Kind::kEntry, Kind::kExit, Kind::kCancel}) {
      const int64_t before = bench.VenueMs() - 40;  // the time was taken in the middle of the 80 ms
      const auto written = bench.rest->Write("POST", "/fapi/v1/order", {}, kind, 1, kind == Kind::kExit);
      ASSERT_TRUE(written.answer.ok());
      EXPECT_EQ(written.signed_ms, before) << "signed for the time that was taken before the guard was asked";
      EXPECT_EQ(ParameterOf(bench.server.requests.back(), "timestamp"), std::to_string(before));
      EXPECT_EQ(in_doubt, kind == Kind::kExit);
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
    venue.SetSendGuard([&](Duration, bool) -> Status {
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

// What hangs or fails among the entries must not reach what protects and cancels.
TEST(Lanes, Pain3StopsAndCancelsLeaveAtOnceWhileEntriesHangAndTimeOut) {
  RunInFiber([](fiber::Loop& loop) {
    TestServer server(loop);
    bool release = false;
    int hanging = 0;
    server.answer = [&](const http::Request& request) {
      if (request.path == "/fapi/v1/order" && request.method == "POST") {
        ++hanging;
        while (!release) {
          fiber::SleepFor(5ms);
        }
      }
      return http::Json("{}");
    };
    Rest rest(loop, {.hosts = server.hosts(), .credentials = {"key", "secret"}, .timeout = 2s}, SystemClock(),
              SystemRandom());
    ASSERT_TRUE(rest.SyncClock().ok());
    int timed_out = 0;
    int ended = 0;
    const auto enter = [&] {
      loop.Spawn([&] {
        const auto written = rest.Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1);
        timed_out += !written.answer.ok() && written.answer.error().code == Errc::kUnknownOutcome;
        ++ended;
      });
    };
    const SteadyTime begin = SystemClock().Steady();
    for (int i = 0; i < 5; ++i) {
      enter();
    }
    ASSERT_TRUE(Within(10s, [&] { return hanging == 5 && SystemClock().Steady() - begin > 1s; }));
    for (int i = 0; i < 32; ++i) {
      enter();
    }
    ASSERT_TRUE(Within(10s, [&] { return timed_out == 5; }));
    ASSERT_GE(hanging, 32) << "every place among the entries is taken";
    const SteadyTime asked = SystemClock().Steady();
    EXPECT_TRUE(rest.Write("POST", "/fapi/v1/algoOrder", {}, Kind::kExit, 1).answer.ok());
    EXPECT_TRUE(rest.Write("DELETE", "/fapi/v1/order", {}, Kind::kCancel, 1).answer.ok());
    EXPECT_LT(SystemClock().Steady() - asked, 500ms);
    EXPECT_EQ(timed_out, 5) << "the others hang still";
    release = true;
    EXPECT_TRUE(Within(10s, [&] { return ended == 37; }));
  });
}

TEST(Lanes, ExitsAndCancelsAreTriedHoweverManyFailedBefore) {
  RunInFiber([](fiber::Loop& loop) {
    TestServer server(loop);
    Rest rest(loop, {.hosts = server.hosts(), .credentials = {"key", "secret"}, .timeout = 50ms}, SystemClock(),
              SystemRandom());
    ASSERT_TRUE(rest.SyncClock().ok());
    bool hang = true;
    server.answer = [&](const http::Request&) {
      while (hang) {
        fiber::SleepFor(5ms);
      }
      return http::Json("{}");
    };
    for (const Kind kind : {Kind::kExit, Kind::kCancel}) {
      hang = true;
      for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(rest.Write("DELETE", "/fapi/v1/order", {}, kind, 1).answer.error().code, Errc::kUnknownOutcome);
      }
      hang = false;
      EXPECT_TRUE(Within(10s, [&] { return rest.Write("DELETE", "/fapi/v1/order", {}, kind, 1).answer.ok(); }));
    }
  });
}

http::Response Refused(int code, const std::string& message) {
  return http::Json("{\"code\":" + std::to_string(code) + ",\"msg\":\"" + message + "\"}", 400);
}

// The venue's clock cannot be asked, which hangs or fails, and its answer to the last order was -1021.
TEST(Clock, Pain3AStopLeavesWithTheLastKnownTimeWhenTheClockCannotBeAskedAnew) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    ASSERT_TRUE(bench.rest->SyncClock().ok());
    bench.server.answer = [](const http::Request&) {
      return Refused(-1021, "Timestamp for this request is outside of the recvWindow.");
    };
    ASSERT_EQ(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).answer->status, 400);
    EXPECT_FALSE(bench.rest->clock_offset().has_value()) << "nothing is proven by a clock that the venue contradicts";
    bench.server.answer = [](const http::Request&) { return http::Json("{}"); };
    bench.server.clock_status = 503;
    bench.server.requests.clear();
    EXPECT_EQ(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).answer.error().code, Errc::kUnavailable);
    EXPECT_TRUE(bench.server.requests.empty()) << "an entry can wait";
    for (const Kind kind : {Kind::kExit, Kind::kCancel}) {
      EXPECT_EQ(bench.rest->Write("DELETE", "/fapi/v1/order", {}, kind, 1).signed_ms, kVenueMs);
    }
    EXPECT_EQ(bench.server.requests.size(), 2u);
    bench.server.clock_status = 200;
    EXPECT_TRUE(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).answer.ok());
    EXPECT_TRUE(bench.rest->clock_offset().has_value());
  });
}

TEST(Clock, NobodyWaitsLongForAClockThatDoesNotAnswer) {
  RunInFiber([](fiber::Loop& loop) {
    TestServer server(loop);
    Rest rest(loop, {.hosts = server.hosts(), .credentials = {"key", "secret"}}, SystemClock(), SystemRandom());
    ASSERT_TRUE(rest.SyncClock().ok());
    server.answer = [](const http::Request&) { return Refused(-1021, "outside of the recvWindow"); };
    ASSERT_EQ(rest.Write("POST", "/fapi/v1/order", {}, Kind::kEntry, 1).answer->status, 400);
    server.answer = [](const http::Request&) { return http::Json("{}"); };
    server.clock_hangs = true;
    const SteadyTime begin = SystemClock().Steady();
    int left = 0;
    for (int i = 0; i < 10; ++i) {
      loop.Spawn([&] { left += rest.Write("POST", "/fapi/v1/algoOrder", {}, Kind::kExit, 1).answer.ok(); });
    }
    EXPECT_TRUE(Within(10s, [&] { return left == 10; }));
    EXPECT_LT(SystemClock().Steady() - begin, 3s) << "one second for all of them, not for each";
    server.clock_hangs = false;
  });
}

TEST(Clock, WhatTheVenueCallsAheadOfItsClockIsNotSignedAgain) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    bench.server.answer = [](const http::Request&) {
      return Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
    };
    ASSERT_EQ(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kExit, 1).answer->status, 400);
    bench.server.clock_status = 503;
    const auto written = bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kExit, 1);
    EXPECT_EQ(written.answer.error().code, Errc::kUnavailable) << "it might be accepted long after we gave it up";
    EXPECT_FALSE(written.signed_ms.has_value());
    bench.server.clock_status = 200;
    bench.server.answer = [](const http::Request&) { return http::Json("{}"); };
    EXPECT_TRUE(bench.rest->Write("POST", "/fapi/v1/order", {}, Kind::kExit, 1).answer.ok());
  });
}

TEST(Clock, IsAskedWhenTheBudgetIsSpent) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    bench.server.answer = [](const http::Request&) {
      http::Response response = http::Json("{}");
      response.headers.Add("X-MBX-USED-WEIGHT-1M", "2300");
      return response;
    };
    ASSERT_TRUE(bench.rest->Query("/fapi/v1/order", {}, 1).ok());
    EXPECT_EQ(bench.rest->Query("/fapi/v1/order", {}, 1).error().code, Errc::kExhausted);
    EXPECT_TRUE(bench.rest->SyncClock().ok());
    EXPECT_TRUE(bench.rest->Write("POST", "/fapi/v1/algoOrder", {}, Kind::kExit, 0).answer.ok());
  });
}

TEST(Clock, AnUnknownOutcomeTellsWhatItWasSignedFor) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    TradingVenue venue(loop, bench.rest, bench.clock, SystemRandom());
    bench.server.answer = [](const http::Request&) { return http::Json("{}", 503); };
    const exchange::Outcome outcome =
        venue.Place({.client_order_id = "qt-1", .symbol = "BTCUSDT", .quantity = "1"_dec});
    const auto* unknown = std::get_if<exchange::Unknown>(&outcome);
    ASSERT_NE(unknown, nullptr);
    EXPECT_EQ(unknown->signed_for, FromUnixMs(kVenueMs));
    venue.Stop();
  });
}

// Every process of the machine is told the address' weight, also one that never asked what the limits are.
TEST(Limits, WhoIsRefusedForThemTakesTheVenuesOwn) {
  RunInFiber([](fiber::Loop& loop) {
    Bench bench(loop);
    MarketVenue venue(loop, config::Mode::kPaper, bench.rest, bench.clock, SystemRandom());
    bench.server.answer = [](const http::Request& request) {
      http::Response response = http::Json(
          request.path == "/fapi/v1/exchangeInfo"
              ? R"({"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":9000}]})"
              : "{}");
      response.headers.Add("X-MBX-USED-WEIGHT-1M", "5000");
      return response;
    };
    ASSERT_TRUE(venue.Ping().ok());
    EXPECT_TRUE(venue.Ping().ok()) << "more than is assumed, and less than the venue allows";
    EXPECT_TRUE(venue.Ping().ok());
    EXPECT_EQ(bench.server.Count("/fapi/v1/exchangeInfo"), 1);
  });
}

}  // namespace
}  // namespace quantum::binance
