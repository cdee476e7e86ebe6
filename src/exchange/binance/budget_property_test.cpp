// The request budget against a venue that counts in windows of its own clock, with any delays on both ways.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "exchange/binance/budget.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using Kind = Budget::Kind;

// Counts orders as the venue does: by windows that begin at multiples of their length.
class CountingVenue {
 public:
  struct Counts {
    int in_10s = 0;
    int in_1m = 0;
  };
  Counts Take(SteadyTime now) {
    return {++ten_seconds_[now.time_since_epoch() / 10s], ++minutes_[now.time_since_epoch() / 1min]};
  }
  int most_in_10s() const { return Most(ten_seconds_); }
  int most_in_1m() const { return Most(minutes_); }

 private:
  static int Most(const std::map<int64_t, int>& windows) {
    int most = 0;
    for (const auto& [window, count] : windows) {
      most = std::max(most, count);
    }
    return most;
  }
  std::map<int64_t, int> ten_seconds_;
  std::map<int64_t, int> minutes_;
};

struct Traded {
  CountingVenue venue;
  int taken = 0;
};

// Ten minutes of someone who always wants to enter, with at most 32 requests on their way.
Traded TradeTenMinutes(uint64_t seed, BudgetOptions options) {
  std::mt19937_64 random(seed);
  const auto draw = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
  struct RequestOnItsWay {
    Budget::Sent sent;
    SteadyTime arrives;
    SteadyTime answered;
    std::optional<CountingVenue::Counts> told;
  };
  Traded outcome;
  Budget budget(options);
  std::vector<RequestOnItsWay> on_their_way;
  const SteadyTime begin = SteadyTime(1h) + std::chrono::milliseconds(draw(0, 59'999));
  const int pause_max_ms = draw(1, 200);
  for (SteadyTime now = begin; now < begin + 10min; now += std::chrono::milliseconds(draw(1, pause_max_ms))) {
    std::sort(on_their_way.begin(), on_their_way.end(),
              [](const RequestOnItsWay& one, const RequestOnItsWay& other) { return one.arrives < other.arrives; });
    for (RequestOnItsWay& request : on_their_way) {
      if (!request.told && request.arrives <= now) {
        request.told = outcome.venue.Take(request.arrives);
        ++outcome.taken;
      }
    }
    std::sort(on_their_way.begin(), on_their_way.end(),
              [](const RequestOnItsWay& one, const RequestOnItsWay& other) { return one.answered < other.answered; });
    while (!on_their_way.empty() && on_their_way.front().answered <= now) {
      http::Response response;
      response.headers.Add("X-MBX-ORDER-COUNT-10S", std::to_string(on_their_way.front().told->in_10s));
      response.headers.Add("X-MBX-ORDER-COUNT-1M", std::to_string(on_their_way.front().told->in_1m));
      budget.OnAnswer(on_their_way.front().sent, response, now);
      on_their_way.erase(on_their_way.begin());
    }
    for (int wanted = draw(1, 32); wanted > 0 && on_their_way.size() < 32; --wanted) {
      if (budget.Refuse(Kind::kEntry, 0, now)) {
        break;
      }
      // One in fifty takes seconds, on one way or the other.
      const auto way = [&] { return std::chrono::milliseconds(draw(1, 50) == 1 ? draw(500, 5'000) : draw(1, 40)); };
      const SteadyTime arrives = now + way();
      on_their_way.push_back({budget.OnSend(Kind::kEntry, 0, now), arrives, arrives + way(), std::nullopt});
    }
  }
  return outcome;
}

TEST(BudgetProperty, EntriesNeverUseMoreThanSeventyPercentOfAnyWindowOfTheVenues) {
  constexpr uint64_t kFirst = 1;
  for (uint64_t seed = kFirst; seed < kFirst + 60; ++seed) {
    const Traded outcome = TradeTenMinutes(seed, {});
    ASSERT_LE(outcome.venue.most_in_10s(), 210) << "seed " << seed;
    ASSERT_LE(outcome.venue.most_in_1m(), 840) << "seed " << seed;
    ASSERT_GE(outcome.taken, 3'000) << "seed " << seed << ": it must not stand still either";
  }
}

TEST(BudgetProperty, NegativeControlWithoutTheShareTheVenuesLimitsAreBroken) {
  const Traded outcome = TradeTenMinutes(1, {.entries_max = 10});
  EXPECT_GT(outcome.venue.most_in_10s(), 300);
  EXPECT_GT(outcome.venue.most_in_1m(), 1'200);
}

}  // namespace
}  // namespace quantum::binance
