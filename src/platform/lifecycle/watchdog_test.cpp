#include "platform/lifecycle/watchdog.h"

#include <gtest/gtest.h>

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, ALoopThatTurnsIsAliveAndOneThatStandsLongerThanTheLimitIsNot) {
  ManualClock clock;
  Watchdog watchdog(5s, clock.Steady());
  for (uint64_t turn = 1; turn <= 20; ++turn) {
    clock.Advance(1s);
    watchdog.Observe(turn, clock.Steady());
    EXPECT_TRUE(watchdog.Alive(clock.Steady()));
  }
  for (int i = 0; i < 5; ++i) {
    clock.Advance(1s);
    watchdog.Observe(20, clock.Steady());
    EXPECT_TRUE(watchdog.Alive(clock.Steady()));
  }
  clock.Advance(1s);
  EXPECT_FALSE(watchdog.Alive(clock.Steady()));
  EXPECT_EQ(watchdog.StandingFor(clock.Steady()), 6s);
  watchdog.Observe(21, clock.Steady());
  EXPECT_TRUE(watchdog.Alive(clock.Steady()));
}

TEST(Watchdog, ALoopThatNeverTurnedIsNotAlive) {
  ManualClock clock;
  Watchdog watchdog(5s, clock.Steady());
  clock.Advance(6s);
  watchdog.Observe(0, clock.Steady());
  EXPECT_FALSE(watchdog.Alive(clock.Steady()));
}

}  // namespace
}  // namespace quantum::lifecycle
