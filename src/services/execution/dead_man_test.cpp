#include "services/execution/dead_man.h"

#include <gtest/gtest.h>

#include "services/execution/pains.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;

class DeadManTest : public Pains {
 protected:
  // Whether the venue's countdown runs for BTCUSDT.
  static bool Runs(World& world) { return world.venue.countdowns["BTCUSDT"] > 0s; }
};

TEST_F(DeadManTest, ARestingEntryIsCoveredAndTheCountdownIsRefreshed) {
  Run([](World& world) {
    DeadMan dead_man(world.desk);
    dead_man.Tick();
    EXPECT_FALSE(Runs(world)) << "there is nothing to cover";
    world.venue.fill_market_orders = false;
    world.Enter("a");
    dead_man.Tick();
    EXPECT_EQ(world.venue.countdowns["BTCUSDT"], DeadMan::kCountdown);
    world.venue.countdowns.clear();
    dead_man.Tick();
    EXPECT_FALSE(Runs(world)) << "it is fresh";
    const SteadyTime begin = world.desk.clock.Steady();
    ASSERT_TRUE(Eventually([&] { return world.desk.clock.Steady() - begin > DeadMan::kRefresh; }));
    dead_man.Tick();
    EXPECT_TRUE(Runs(world));
  });
}

// The countdown may cancel the stop as well.
TEST_F(DeadManTest, Pain3TheFirstFillDisarmsIt) {
  Run([](World& world) {
    DeadMan dead_man(world.desk);
    world.venue.fill_market_orders = false;
    world.Enter("a");
    dead_man.Tick();
    ASSERT_TRUE(Runs(world));
    world.venue.Fill(world.venue.orders.begin()->second, "0.004"_dec);
    dead_man.Tick();
    EXPECT_FALSE(Runs(world)) << "though the entry still rests for the other part";
  });
}

TEST_F(DeadManTest, WhatTheVenueDoesNotConfirmIsTakenBackAgainAndAgain) {
  Run([](World& world) {
    DeadMan dead_man(world.desk);
    world.venue.fill_market_orders = false;
    world.Enter("a");
    dead_man.Tick();
    world.venue.guard = [](Duration, bool) { return Status(Error{Errc::kConflict, "scripted"}); };
    world.venue.Fill(world.venue.orders.begin()->second, "0.01"_dec);
    dead_man.Tick();
    ASSERT_TRUE(Runs(world));
    world.venue.guard = nullptr;
    dead_man.Tick();
    EXPECT_FALSE(Runs(world));
  });
}

TEST_F(DeadManTest, WhatAnEarlierProcessArmedIsTakenBackAtTheStartAndOnAPlannedStop) {
  Run([](World& world) {
    world.venue.countdowns["BTCUSDT"] = DeadMan::kCountdown;
    DeadMan dead_man(world.desk);
    dead_man.Assume();
    dead_man.Tick();
    EXPECT_FALSE(Runs(world));
    world.venue.fill_market_orders = false;
    world.Enter("a");
    dead_man.Tick();
    ASSERT_TRUE(Runs(world));
    dead_man.DisarmAll();
    EXPECT_FALSE(Runs(world));
  });
}

// A call weighs ten of the 2,400 that the venue allows in a minute, and a desk may trade a hundred symbols.
TEST_F(DeadManTest, WhereNothingStandsOneSymbolASecondIsTakenBack) {
  Run([](World& world) {
    Approval pending = LastingApproval("b");
    pending.decision.symbol = "ETHUSDT";
    world.desk.ledger.Adopt(PlanOf(pending));
    const auto run = [&] {
      return (world.venue.countdowns["BTCUSDT"] > 0s) + (world.venue.countdowns["ETHUSDT"] > 0s);
    };
    world.venue.countdowns = {{"BTCUSDT", DeadMan::kCountdown}, {"ETHUSDT", DeadMan::kCountdown}};
    DeadMan dead_man(world.desk);
    dead_man.Assume();
    dead_man.Tick();
    EXPECT_EQ(run(), 1);
    const SteadyTime begin = world.desk.clock.Steady();
    dead_man.Tick();
    EXPECT_TRUE(run() == 1 || world.desk.clock.Steady() - begin >= DeadMan::kIdlePause);
    ASSERT_TRUE(Eventually([&] { return world.desk.clock.Steady() - begin > DeadMan::kIdlePause; }));
    dead_man.Tick();
    EXPECT_EQ(run(), 0);
  });
}

// What was armed before its first fill has run out, or was taken back.
TEST_F(DeadManTest, APositionThatIsHeldForLongIsLeftAloneAtTheStartAndAYoungOneIsNot) {
  for (const Duration age : {Duration(10min), Duration(1min)}) {
    Run([&](World& world) {
      const Plan plan = PlanOf(LastingApproval("a"));
      world.desk.ledger.Adopt(plan);
      trading::Fill fill = FillOf(plan.orders.front(), 1, "0.01"_dec, "60000"_dec);
      fill.time = world.desk.Now() - age;
      world.desk.ledger.ApplyFill(fill, world.desk.Now());
      world.venue.countdowns["BTCUSDT"] = DeadMan::kCountdown;
      DeadMan dead_man(world.desk);
      dead_man.Assume();
      dead_man.Tick();
      EXPECT_EQ(Runs(world), age == 10min);
    });
  }
}

}  // namespace
}  // namespace quantum::execution
