#include "services/execution/reconcile.h"

#include <gtest/gtest.h>

#include "services/execution/test_data.h"

namespace quantum::execution {
namespace {

using namespace test;
using trading::OrderStatus;

class Reconcile : public ::testing::Test {
 protected:
  Reconcile() {
    const Plan plan = PlanOf(OpenApproval("a"));
    ledger.Adopt(plan);
    entry = plan.orders[0];
    ledger.ApplyFill(FillOf(entry, 1, "0.01"_dec, "60000"_dec), kNow);
    stop = plan.orders[1];
    EXPECT_TRUE(ledger.ApplyReport(ReportOf(stop, OrderStatus::kNew), kNow).ok());
    view.asked = kNow + std::chrono::seconds(1);
    view.positions.push_back({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .entry_price = "60000"_dec});
  }
  exchange::VenueOrder Listed(const std::string& id, bool reduce_only) {
    exchange::VenueOrder order;
    order.report = ReportOf(stop, OrderStatus::kNew);
    order.report.client_order_id = id;
    order.reduce_only = reduce_only;
    return order;
  }
  Rules rules = AllRules();
  Ledger ledger{{}, rules};
  Order entry, stop;
  VenueView view;
};

TEST_F(Reconcile, FindsNothingWhereNothingDiffers) {
  view.open_orders.push_back(Listed(stop.client_order_id, true));
  const Differences found = Compare(ledger, view);
  EXPECT_EQ(found.reports.size(), 1u);
  EXPECT_TRUE(found.ask.empty() && found.orphans.empty() && found.foreign.empty() && found.positions.empty());
}

TEST_F(Reconcile, AsksForALiveOrderThatTheVenueDoesNotListUnlessItJustChanged) {
  EXPECT_EQ(Compare(ledger, view).ask, std::vector{stop.client_order_id});
  view.asked = kNow;
  EXPECT_TRUE(Compare(ledger, view).ask.empty());
}

TEST_F(Reconcile, OursWithoutARecordAndGuardsOfNothingAreOrphans) {
  view.open_orders = {Listed("qt-unrecorded", false), Listed("somebody", true), Listed("somebody-else", false)};
  EXPECT_EQ(Compare(ledger, view).orphans.size(), 1u);
  EXPECT_EQ(Compare(ledger, view).foreign.size(), 2u);
  view.positions.clear();
  EXPECT_EQ(Compare(ledger, view).orphans.size(), 2u);
}

TEST_F(Reconcile, WhatIsOverByOurRecordAndListedAsOpenIsAnOrphanUnlessItEndedJustNow) {
  ledger.MarkGone(stop.client_order_id, "GONE", kNow);
  view.open_orders.push_back(Listed(stop.client_order_id, true));
  EXPECT_EQ(Compare(ledger, view).orphans.size(), 1u);
  view.asked = kNow;
  EXPECT_TRUE(Compare(ledger, view).orphans.empty());
}

TEST_F(Reconcile, TheVenuesTermsOfAnOrderCount) {
  view.open_orders.push_back(Listed(stop.client_order_id, true));
  view.open_orders[0].quantity = stop.quantity;
  view.open_orders[0].trigger_price = stop.trigger_price;
  EXPECT_TRUE(Compare(ledger, view).terms.empty());
  view.open_orders[0].quantity = "0.004"_dec;
  EXPECT_EQ(Compare(ledger, view).terms.size(), 1u);
  EXPECT_TRUE(ledger.IsProtected("BTCUSDT"));
  const ChangeSet changes = ledger.TakeTerms(stop.client_order_id, "0.004"_dec, stop.trigger_price, kNow);
  EXPECT_FALSE(ledger.IsProtected("BTCUSDT"));
  ASSERT_EQ(changes.orders.size(), 1u);
  EXPECT_EQ(changes.orders[0].quantity, "0.004"_dec);
  ASSERT_EQ(changes.positions.size(), 1u);
  EXPECT_FALSE(changes.positions[0].is_protected);
}

TEST_F(Reconcile, PositionsAreComparedBothWays) {
  view.positions = {{.symbol = "ETHUSDT", .quantity = "-2"_dec, .entry_price = "3000"_dec}};
  const auto positions = Compare(ledger, view).positions;
  ASSERT_EQ(positions.size(), 2u);
  EXPECT_EQ(positions[0].symbol, "ETHUSDT");
  EXPECT_EQ(positions[0].venues, "-2"_dec);
  EXPECT_EQ(positions[1].symbol, "BTCUSDT");
  EXPECT_EQ(positions[1].ours, "0.01"_dec);
  EXPECT_TRUE(positions[1].venues.is_zero());
}

}  // namespace
}  // namespace quantum::execution
