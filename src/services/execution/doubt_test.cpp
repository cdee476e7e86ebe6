// What goes out while Postgres is away for so long that another process may act for the account by now.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "services/execution/pains.h"

namespace quantum::execution {
namespace {

using namespace test;
using trading::OrderStatus;
using trading::OrderType;

int OpenStops(const ScriptedVenue& venue) {
  return static_cast<int>(std::ranges::count_if(venue.orders, [](const auto& entry) {
    return entry.second.type == OrderType::kStopMarket && entry.second.report.status == OrderStatus::kNew;
  }));
}

class Doubt : public Pains {
 protected:
  static void Begin(World& world) {
    world.desk.in_doubt = [] { return true; };
    world.venue.guard = [](Duration, bool allowed_in_doubt) {
      return allowed_in_doubt ? Status() : Status(Error{Errc::kConflict, "NOT_LEADER"});
    };
  }
  // By somebody else.
  static void CancelStop(World& world, const std::string& client_order_id) {
    const auto guard = std::exchange(world.venue.guard, nullptr);
    ASSERT_TRUE(world.venue.Cancel("BTCUSDT", client_order_id, true).ok());
    world.venue.guard = guard;
  }
};

TEST_F(Doubt, Pain4AStopGoesOutIfItIsRecordedAndOnlyThen) {
  Run([](World& world) {
    world.Enter("a");
    Begin(world);
    world.protector.Pass("BTCUSDT");
    ASSERT_EQ(OpenStops(world.venue), 1) << "committed with its entry";
    world.sink.away = true;
    CancelStop(world, trading::ClientOrderId("a", trading::Leg::kStopLoss));
    ASSERT_EQ(OpenStops(world.venue), 0);
    const auto stands = [&] {
      world.protector.Pass("BTCUSDT");
      return OpenStops(world.venue) > 0;
    };
    EXPECT_FALSE(Eventually(stands)) << "whoever acts by now does not know of another";
    world.sink.away = false;
    EXPECT_TRUE(Eventually(stands)) << "it is recorded by now";
  });
}

TEST_F(Doubt, Pain4ACloseGoesOutInAnEmergencyAlone) {
  Run([](World& world) {
    world.Enter("a");
    Begin(world);
    // The market is beyond the stop already, so that the protector wants to do what the stop would have done.
    world.venue.reject_code = -2021;
    world.venue.judge = [](const exchange::NewOrder& order) {
      return order.type == OrderType::kStopMarket ? ScriptedVenue::Answer::kReject : ScriptedVenue::Answer::kNormal;
    };
    world.protector.Pass("BTCUSDT");
    world.sink.away = true;
    const auto flat = [&] {
      world.protector.Pass("BTCUSDT");
      return world.desk.ledger.PositionOf("BTCUSDT").is_flat();
    };
    EXPECT_FALSE(Eventually(flat)) << "for 40 s, by the clock of these tests";
    ASSERT_EQ(OpenStops(world.venue), 0);
    EXPECT_EQ(world.emergency.Halt("a test", true, trading::kHaltedByOperator).closed, 1);
    EXPECT_TRUE(Eventually(flat));
  });
}

}  // namespace
}  // namespace quantum::execution
