#include "platform/resilience/resilience.h"

#include <gtest/gtest.h>

#include <vector>

namespace quantum::resilience {
namespace {

using namespace std::chrono_literals;

// Always the highest or the lowest value that Random allows.
class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(uint64_t value) : value_(value) {}
  uint64_t Next() override { return value_; }

 private:
  uint64_t value_;
};

TEST(Backoff, DoublesItsCeilingUpToTheCap) {
  ConstantRandom highest(~0ULL);
  Backoff backoff({.base = 100ms, .cap = 1s, .floor = 5ms}, highest);
  std::vector<Duration> waits;
  for (int i = 0; i < 6; ++i) {
    waits.push_back(backoff.Next());
  }
  EXPECT_EQ(waits, (std::vector<Duration>{100ms - 1ns, 200ms - 1ns, 400ms - 1ns, 800ms - 1ns, 1s - 1ns, 1s - 1ns}));
  EXPECT_EQ(backoff.attempt(), 6);
}

TEST(Backoff, NeverWaitsLessThanTheFloor) {
  ConstantRandom lowest(0);
  Backoff backoff({.base = 100ms, .cap = 1s, .floor = 5ms}, lowest);
  EXPECT_EQ(backoff.Next(), 5ms);
  EXPECT_EQ(backoff.Next(), 5ms);
}

TEST(Backoff, StartsAgainAfterReset) {
  ConstantRandom highest(~0ULL);
  Backoff backoff({.base = 100ms, .cap = 10s}, highest);
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), 100ms - 1ns);
}

TEST(Backoff, StaysInItsRangeForAnyNumberOfAttempts) {
  SeededRandom random(7);
  Backoff backoff({.base = 3ms, .cap = 24h, .floor = 1ms}, random);
  for (int i = 0; i < 200; ++i) {
    const Duration wait = backoff.Next();
    EXPECT_GE(wait, 1ms);
    EXPECT_LT(wait, 24h);
  }
}

TEST(RetryBudget, StartsWithItsReserveAndEarnsAShareOfTheRequests) {
  RetryBudget budget(0.25, 2.0);
  EXPECT_TRUE(budget.TryRetry());
  EXPECT_TRUE(budget.TryRetry());
  EXPECT_FALSE(budget.TryRetry());
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(budget.TryRetry());
    budget.OnRequest();
  }
  EXPECT_TRUE(budget.TryRetry());
  EXPECT_FALSE(budget.TryRetry());
}

TEST(RetryBudget, NeverHoldsMoreThanItsReserve) {
  RetryBudget budget(1.0, 3.0);
  for (int i = 0; i < 100; ++i) {
    budget.OnRequest();
  }
  int retries = 0;
  while (budget.TryRetry()) {
    ++retries;
  }
  EXPECT_EQ(retries, 3);
}

using State = CircuitBreaker::State;

TEST(CircuitBreaker, OpensAfterFailuresInARowOnly) {
  ManualClock clock;
  CircuitBreaker breaker(3, 2s);
  breaker.OnFailure(clock.Steady());
  breaker.OnFailure(clock.Steady());
  breaker.OnSuccess();
  breaker.OnFailure(clock.Steady());
  breaker.OnFailure(clock.Steady());
  EXPECT_EQ(breaker.state(), State::kClosed);
  breaker.OnFailure(clock.Steady());
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_FALSE(breaker.Allow(clock.Steady()));
}

TEST(CircuitBreaker, LetsOneProbeThroughAfterTheCooldown) {
  ManualClock clock;
  CircuitBreaker breaker(1, 2s);
  breaker.OnFailure(clock.Steady());
  clock.Advance(2s - 1ns);
  EXPECT_FALSE(breaker.Allow(clock.Steady()));
  clock.Advance(1ns);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker.Allow(clock.Steady()));
}

TEST(CircuitBreaker, ClosesWhenTheProbeSucceeds) {
  ManualClock clock;
  CircuitBreaker breaker(1, 2s);
  breaker.OnFailure(clock.Steady());
  clock.Advance(2s);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
  breaker.OnSuccess();
  EXPECT_EQ(breaker.state(), State::kClosed);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
}

TEST(CircuitBreaker, OpensForAnotherCooldownWhenTheProbeFails) {
  ManualClock clock;
  CircuitBreaker breaker(5, 2s);
  for (int i = 0; i < 5; ++i) {
    breaker.OnFailure(clock.Steady());
  }
  clock.Advance(2s);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
  breaker.OnFailure(clock.Steady());
  EXPECT_EQ(breaker.state(), State::kOpen);
  clock.Advance(2s - 1ns);
  EXPECT_FALSE(breaker.Allow(clock.Steady()));
  clock.Advance(1ns);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
}

TEST(CircuitBreaker, IsNotMovedByLateNewsWhileOpen) {
  ManualClock clock;
  CircuitBreaker breaker(1, 2s);
  breaker.OnFailure(clock.Steady());
  clock.Advance(1s);
  breaker.OnSuccess();
  breaker.OnFailure(clock.Steady());
  EXPECT_EQ(breaker.state(), State::kOpen);
  clock.Advance(1s);
  EXPECT_TRUE(breaker.Allow(clock.Steady()));
}

TEST(Deadline, CountsDownOnItsClock) {
  ManualClock clock;
  const Deadline deadline = Deadline::After(3s, clock);
  EXPECT_EQ(deadline.left(), 3s);
  EXPECT_FALSE(deadline.passed());
  clock.Advance(3s);
  EXPECT_TRUE(deadline.passed());
  clock.Advance(1s);
  EXPECT_EQ(deadline.left(), -1s);
}

}  // namespace
}  // namespace quantum::resilience
