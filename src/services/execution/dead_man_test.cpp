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

}  // namespace
}  // namespace quantum::execution
