#include "services/execution/protection.h"

#include <gtest/gtest.h>

#include "services/execution/test_data.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using trading::OrderStatus;

class Protection : public ::testing::Test {
 protected:
  Protection() {
    Plan plan = PlanOf(OpenApproval("t", Side::kBuy, "1"));
    trade = *plan.trade;
    entry = plan.orders[0];
    stop = plan.orders[1];
    target = plan.orders[2];
    entry.status = OrderStatus::kFilled;
  }
  void Fill(const char* quantity) { Enter(trade, D(quantity), "60000"_dec, {}, kNow); }
  static void MakeLive(Order& order, Decimal quantity) {
    order.status = OrderStatus::kNew;
    order.quantity = quantity;
  }
  ProtectionActions Run(std::vector<const Order*> orders, Duration unprotected = {}, Decimal closing = {}) {
    return PlanProtection({.trade = trade,
                           .orders = std::move(orders),
                           .now = now,
                           .unprotected_for = unprotected,
                           .closing = closing,
                           .busy = [this](const Order& order) { return order.client_order_id == busy; }},
                          {});
  }
  Trade trade;
  Order entry, stop, target;
  std::string busy;
  WallTime now = kNow + 10s;
};

TEST_F(Protection, NothingIsSentBeforeTheEntryFills) {
  const auto actions = Run({&entry, &stop, &target});
  EXPECT_FALSE(actions.stop);
  EXPECT_TRUE(actions.discard.empty());
  EXPECT_TRUE(actions.is_protected);
}

TEST_F(Protection, TheFirstFillSendsTheCommittedIntentsForWhatIsOpen) {
  Fill("0.4");
  const auto actions = Run({&entry, &stop, &target});
  EXPECT_FALSE(actions.is_protected);
  ASSERT_TRUE(actions.stop);
  EXPECT_EQ(actions.stop->client_order_id, stop.client_order_id);
  EXPECT_EQ(actions.stop->quantity, "0.4"_dec);
  ASSERT_EQ(actions.exits.size(), 1u);
  EXPECT_EQ(actions.exits[0].client_order_id, target.client_order_id);
}

TEST_F(Protection, WhatIsBeingSentIsNotSentAgain) {
  Fill("1");
  busy = stop.client_order_id;
  EXPECT_FALSE(Run({&entry, &stop}).stop);
}

TEST_F(Protection, ANewStopStandsBeforeTheOldOneIsCancelled) {
  Fill("0.4");
  MakeLive(stop, "0.4"_dec);
  Fill("0.6");
  const auto grown = Run({&entry, &stop});
  ASSERT_TRUE(grown.stop);
  EXPECT_EQ(grown.stop->quantity, "1"_dec);
  EXPECT_TRUE(grown.cancel.empty());
  EXPECT_FALSE(grown.is_protected);

  Order second = *grown.stop;
  MakeLive(second, "1"_dec);
  const auto settled = Run({&entry, &stop, &second});
  EXPECT_FALSE(settled.stop);
  EXPECT_TRUE(settled.is_protected);
  EXPECT_EQ(settled.cancel, std::vector{stop.client_order_id});
}

// What is settled is looked at again only when something changes.
TEST_F(Protection, OnlyWhatTimeAloneChangesNothingOfIsSettled) {
  entry.status = OrderStatus::kNew;
  EXPECT_TRUE(Run({&entry, &stop, &target}).settled) << "its entry rests";
  entry.status = OrderStatus::kUnknown;
  EXPECT_FALSE(Run({&entry, &stop, &target}).settled);
  entry.status = OrderStatus::kFilled;
  Fill("1");
  EXPECT_FALSE(Run({&entry, &stop, &target}).settled) << "the stop is to be sent";
  MakeLive(stop, "1"_dec);
  EXPECT_FALSE(Run({&entry, &stop, &target}).settled) << "the take-profit is to be sent";
  MakeLive(target, "1"_dec);
  EXPECT_TRUE(Run({&entry, &stop, &target}).settled);
  busy = stop.client_order_id;
  EXPECT_FALSE(Run({&entry, &stop, &target}).settled) << "a cancel is on its way";
  busy.clear();
  for (const OrderStatus waits : {OrderStatus::kUnknown, OrderStatus::kTriggered, OrderStatus::kRejected}) {
    target.status = waits;
    target.updated = kNow + 10s;
    EXPECT_FALSE(Run({&entry, &stop, &target}).settled)
        << ToString(waits) << ": the take-profit is planned anew before long";
  }
}

TEST_F(Protection, AnUnknownStopIsTrustedForASecondThenAnotherIsPlaced) {
  Fill("1");
  stop.status = OrderStatus::kUnknown;
  stop.updated = kNow + 10s - 500ms;
  EXPECT_FALSE(Run({&entry, &stop}).stop);
  stop.updated = kNow + 10s - 1500ms;
  const auto actions = Run({&entry, &stop});
  ASSERT_TRUE(actions.stop);
  EXPECT_NE(actions.stop->client_order_id, stop.client_order_id);
}

// An earlier process may have sent a second stop, and have died before it was written down: none of its names again.
TEST_F(Protection, WhatIsPlacedBesideTheCommittedIntentsIsNamedByItsTimeToo) {
  Fill("1");
  stop.status = OrderStatus::kCanceled;
  const std::string first = Run({&entry, &stop}).stop.value().client_order_id;
  now += 1ms;
  EXPECT_NE(Run({&entry, &stop}).stop.value().client_order_id, first);
}

TEST_F(Protection, ARefusedStopIsTriedAgainUnderAnotherId) {
  Fill("1");
  stop.status = OrderStatus::kRejected;
  stop.reason = "-1003 too many requests";
  stop.updated = kNow + 10s - 100ms;
  EXPECT_FALSE(Run({&entry, &stop}).stop);
  stop.updated = kNow;
  const auto actions = Run({&entry, &stop});
  ASSERT_TRUE(actions.stop);
  EXPECT_NE(actions.stop->client_order_id, stop.client_order_id);
  EXPECT_EQ(actions.close_reason, "");
}

TEST_F(Protection, ATakeProfitIsGivenUpAfterTheVenuesRefusals) {
  Fill("1");
  MakeLive(stop, "1"_dec);
  std::vector<Order> refused(5, target);
  std::vector<const Order*> orders{&entry, &stop};
  for (Order& order : refused) {
    EXPECT_EQ(Run(orders).exits.size(), 1u);
    order.status = OrderStatus::kRejected;
    order.reason = "-4131 the counterparty's best price does not meet the PERCENT_PRICE filter limit";
    order.updated = kNow - 1h;
    orders.push_back(&order);
  }
  EXPECT_TRUE(Run(orders).exits.empty());
}

TEST_F(Protection, Pain3ClosesThatTakeNothingAreFurtherAndFurtherApart) {
  Fill("1");
  std::vector<Order> closes;
  for (int part = 0; part < 5; ++part) {
    Order close = MakeClose("t", part, "BTCUSDT", "1"_dec, "1"_dec, kByEmergency, "c", kNow);
    close.status = OrderStatus::kRejected;
    closes.push_back(close);
  }
  std::vector<const Order*> orders{&entry};
  for (const Duration pause : {1s, 2s, 4s, 8s, 8s}) {
    Order& newest = closes[orders.size() - 1];
    orders.push_back(&newest);
    newest.updated = kNow + 10s - pause + 1ms;  // Run looks at kNow + 10 s
    EXPECT_EQ(Run(orders, 20s).close_reason, "") << orders.size();
    newest.updated = kNow + 10s - pause;
    EXPECT_EQ(Run(orders, 20s).close_reason, "EMERGENCY") << orders.size();
  }
}

TEST_F(Protection, AStopThatWouldTriggerAtOnceClosesInstead) {
  Fill("1");
  stop.status = OrderStatus::kRejected;
  stop.reason = "-2021 Order would immediately trigger.";
  EXPECT_EQ(Run({&entry, &stop}).close_reason, "STOP_LOSS");
  EXPECT_EQ(Run({&entry, &stop}, {}, "1"_dec).close_reason, "");
}

// Half of it at 61000, a fifth at 62000, and the rest runs behind a trailing stop.
class InParts : public Protection {
 protected:
  InParts() {
    Approval approval = OpenApproval("t", Side::kBuy, "1");
    approval.decision.take_profit.reset();
    approval.decision.take_profits = {{"61000"_dec, "0.5"_dec}, {"62000"_dec, "0.2"_dec}};
    approval.decision.trail = "1"_dec;
    Plan plan = PlanOf(approval);
    trade = *plan.trade;
    orders = plan.orders;
    orders[0].status = OrderStatus::kFilled;
  }
  ProtectionActions Look() {
    std::vector<const Order*> all;
    for (const Order& order : orders) {
      all.push_back(&order);
    }
    return Run(all);
  }
  static std::string Text(const ProtectionActions& actions) {
    std::string text;
    for (const Order& exit : actions.exits) {
      text += std::string(ToString(exit.leg)) + " " + exit.quantity.ToString() + "; ";
    }
    return text;
  }
  void Stand(size_t i, const char* quantity) { MakeLive(orders[i], D(quantity)); }
  std::vector<Order> orders;  // entry, stop, two targets, trailing stop
};

TEST_F(InParts, EachTargetStandsForItsShareOfWhatWasEntered) {
  Fill("1");
  EXPECT_EQ(Text(Look()), "TAKE_PROFIT 0.5; TAKE_PROFIT 0.2; TRAILING_STOP 1; ");
  Stand(2, "0.5");
  Stand(3, "0.2");
  Stand(4, "1");
  EXPECT_EQ(Text(Look()), "");
}

TEST_F(InParts, AfterTheFirstTargetOnlyTheOthersAndTheRestAreWanted) {
  Fill("1");
  Stand(1, "1");
  Stand(2, "0.5");
  Stand(3, "0.2");
  Stand(4, "1");
  orders[2].status = OrderStatus::kFilled;
  orders[2].filled_quantity = "0.5"_dec;
  Exit(trade, "0.5"_dec, "61000"_dec, {}, kNow, kByTakeProfit);
  EXPECT_EQ(trade.status, TradeStatus::kPartialTp);
  const auto actions = Look();
  ASSERT_TRUE(actions.stop);
  EXPECT_EQ(actions.stop->quantity, "0.5"_dec) << "the stop follows";
  EXPECT_EQ(Text(actions), "TRAILING_STOP 0.5; ") << "and the trailing stop; the second target stands as it is";
  EXPECT_TRUE(actions.cancel.empty()) << "the old ones stand until the new ones do";
}

TEST_F(InParts, ATargetThatTheMarketHasPassedClosesItsPartOnce) {
  Fill("1");
  Stand(1, "1");
  Stand(3, "0.2");
  Stand(4, "1");
  orders[2].status = OrderStatus::kRejected;
  orders[2].reason = "-2021 Order would immediately trigger.";
  EXPECT_EQ(Look().close_reason, "TAKE_PROFIT");
  EXPECT_EQ(Look().close_quantity, "0.5"_dec);
  Order close = MakeClose("t", 0, "BTCUSDT", "1"_dec, "0.5"_dec, kByTakeProfit, "c", kNow);
  close.status = OrderStatus::kFilled;
  close.filled_quantity = "0.5"_dec;
  orders.push_back(close);
  Exit(trade, "0.5"_dec, "61500"_dec, {}, kNow, kByTakeProfit);
  EXPECT_EQ(Look().close_reason, "");
}

TEST_F(Protection, OrphanedProtectionIsRemovedWhenThePositionIsFlat) {
  Fill("1");
  MakeLive(stop, "1"_dec);
  stop.status = OrderStatus::kFilled;
  MakeLive(target, "1"_dec);
  Exit(trade, "1"_dec, "59000"_dec, {}, kNow, kByStopLoss);
  const auto actions = Run({&entry, &stop, &target});
  EXPECT_EQ(actions.cancel, std::vector{target.client_order_id});
  EXPECT_FALSE(actions.stop);
}

TEST_F(Protection, AFlatTradeCancelsWhatIsLeftOfItsEntryToo) {
  Fill("0.4");
  entry.status = OrderStatus::kPartiallyFilled;
  Exit(trade, "0.4"_dec, "59000"_dec, {}, kNow, kByStopLoss);
  EXPECT_EQ(Run({&entry}).cancel, std::vector{entry.client_order_id});
}

// pains.md 3: a position without a stop at the exchange.
TEST_F(Protection, Pain3APositionThatStaysUnprotectedIsClosed) {
  Fill("1");
  stop.status = OrderStatus::kRejected;
  stop.reason = "-4120 conditional orders are refused";
  stop.updated = kNow;
  EXPECT_EQ(Run({&entry, &stop}, 14s).close_reason, "");
  EXPECT_EQ(Run({&entry, &stop}, 15s).close_reason, "EMERGENCY");
  EXPECT_TRUE(Run({&entry, &stop}, 15s).stop) << "the stop is still tried";
  EXPECT_EQ(Run({&entry, &stop}, 16s, "1"_dec).close_reason, "") << "a close is under way";
}

}  // namespace
}  // namespace quantum::execution
