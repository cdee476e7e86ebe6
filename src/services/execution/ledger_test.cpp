#include "services/execution/ledger.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "services/execution/test_data.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using namespace test;
namespace event = trading::event;
using trading::OrderStatus;

std::vector<std::string> TypesOf(const ChangeSet& changes) {
  std::vector<std::string> types;
  for (const bus::Event& one : changes.events) {
    types.push_back(one.type);
  }
  return types;
}

class LedgerTest : public ::testing::Test {
 protected:
  const Order& Adopt(const Approval& approval) {
    const Plan plan = PlanOf(approval);
    ledger.Adopt(plan);
    return *ledger.FindOrder(plan.orders.front().client_order_id);
  }
  const Order& OrderOf(const std::string& decision, Leg leg) {
    return *ledger.FindOrder(trading::ClientOrderId(decision, leg));
  }
  ChangeSet FillWith(const Order& order, int64_t trade_id, const char* quantity, const char* price,
                     const char* fee = "0") {
    return ledger.ApplyFill(FillOf(order, trade_id, D(quantity), D(price), D(fee)), kNow);
  }
  Rules rules = AllRules();
  Ledger ledger{{}, rules};
};

TEST_F(LedgerTest, AFillMovesOrderPositionAndTradeAndSaysSo) {
  const Order& entry = Adopt(OpenApproval("a"));
  trading::OrderReport report = ReportOf(entry, OrderStatus::kFilled, "0.01"_dec, "60000"_dec);
  report.fill = FillOf(entry, 1, "0.01"_dec, "60000"_dec, "0.3"_dec);
  const ChangeSet changes = ledger.ApplyReport(report, kNow).value();
  EXPECT_EQ(TypesOf(changes), (std::vector<std::string>{"order.filled", "trade.opened", "position.updated"}));
  EXPECT_EQ(changes.fills.size(), 1u);
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kOpen);
  EXPECT_EQ(entry.fee, "0.3"_dec);
  for (const bus::Event& one : changes.events) {
    EXPECT_EQ(one.key, "BTCUSDT");
    EXPECT_EQ(one.correlation_id, "correlation-a");
  }
}

// pains.md 2: fills that never happened.
TEST_F(LedgerTest, APositionsRowBearsTheTimeOfItsEvent) {
  const Order& entry = Adopt(OpenApproval("a"));
  const WallTime then = kNow + std::chrono::seconds(7);
  const ChangeSet changes = ledger.ApplyFill(FillOf(entry, 1, "0.01"_dec, "60000"_dec, "0"_dec), then);
  ASSERT_EQ(changes.positions.size(), 1u);
  EXPECT_EQ(changes.positions[0].updated, then) << "whoever reads both compares them";
}

TEST_F(LedgerTest, Pain2NoFillBeforeTheExchangeReportsOne) {
  const Order& entry = Adopt(OpenApproval("a"));
  const ChangeSet changes = ledger.ApplyReport(ReportOf(entry, OrderStatus::kNew), kNow).value();
  EXPECT_EQ(TypesOf(changes), std::vector<std::string>{"order.placed"});
  EXPECT_TRUE(ledger.PositionOf("BTCUSDT").is_flat());
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kPending);
  // Even a report of FILLED moves no position: only a fill with its trade id does. It asks for the fills instead.
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(entry, OrderStatus::kFilled, "0.01"_dec, "60000"_dec), kNow).ok());
  EXPECT_TRUE(ledger.PositionOf("BTCUSDT").is_flat());
  EXPECT_TRUE(ledger.LacksFills("BTCUSDT"));
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kPending);
}

TEST_F(LedgerTest, AFillCountsOnceByItsTradeId) {
  const Order& entry = Adopt(OpenApproval("a"));
  FillWith(entry, 1, "0.01", "60000");
  EXPECT_TRUE(FillWith(entry, 1, "0.01", "60000").empty());
  ledger.AdvanceCursor("BTCUSDT", 1);
  EXPECT_TRUE(FillWith(entry, 1, "0.01", "60000").empty());
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
}

TEST_F(LedgerTest, AFillMayComeBeforeTheOrdersAcknowledgement) {
  const Order& entry = Adopt(OpenApproval("a"));
  FillWith(entry, 1, "0.01", "60000");
  EXPECT_EQ(entry.status, OrderStatus::kFilled);
  EXPECT_TRUE(ledger.ApplyReport(ReportOf(entry, OrderStatus::kNew), kNow).value().empty());
  EXPECT_EQ(entry.status, OrderStatus::kFilled);
}

TEST_F(LedgerTest, AStopsFillClosesItsOwnTradeNotAnOlderOne) {
  FillWith(Adopt(OpenApproval("old")), 1, "0.01", "60000");
  FillWith(Adopt(OpenApproval("new")), 2, "0.01", "60500");
  const ChangeSet changes = FillWith(OrderOf("new", Leg::kStopLoss), 3, "0.01", "59000", "0.2");
  EXPECT_EQ(ledger.FindTrade("new")->status, TradeStatus::kClosed);
  EXPECT_EQ(ledger.FindTrade("new")->close_reason, "STOP_LOSS");
  EXPECT_EQ(ledger.FindTrade("new")->net_pnl(), "-15.2"_dec);
  EXPECT_EQ(ledger.FindTrade("old")->status, TradeStatus::kOpen);
  EXPECT_EQ(std::ranges::count(TypesOf(changes), "trade.closed"), 1);
}

TEST_F(LedgerTest, ACloseTakesTheOldestTradesFirst) {
  FillWith(Adopt(OpenApproval("one")), 1, "0.01", "60000");
  FillWith(Adopt(OpenApproval("two")), 2, "0.01", "60000");
  const Order& close = Adopt(CloseApproval("close", Side::kSell, "0.015"));
  FillWith(close, 3, "0.015", "61000");
  EXPECT_EQ(ledger.FindTrade("one")->status, TradeStatus::kClosed);
  EXPECT_EQ(ledger.FindTrade("one")->close_reason, "SIGNAL");
  EXPECT_EQ(ledger.FindTrade("two")->open_quantity(), "0.005"_dec);
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "0.005"_dec);
}

TEST_F(LedgerTest, ACloseThatIsReportedFilledStillCountsUntilItsFillsAreBooked) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& close = Adopt(CloseApproval("close", Side::kSell, "0.01"));
  EXPECT_EQ(ledger.Closing("BTCUSDT"), "0.01"_dec);
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(close, OrderStatus::kFilled, "0.01"_dec, "60000"_dec), kNow).ok());
  EXPECT_EQ(ledger.Closing("BTCUSDT"), "0.01"_dec);
  EXPECT_TRUE(ledger.AwaitsExitFills("BTCUSDT"));
  FillWith(close, 2, "0.01", "60000");
  EXPECT_TRUE(ledger.Closing("BTCUSDT").is_zero());
  EXPECT_FALSE(ledger.AwaitsExitFills("BTCUSDT"));
}

TEST_F(LedgerTest, ATriggeredStopsFillsComeUnderTheOrderItSpawned) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& stop = OrderOf("a", Leg::kStopLoss);
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(stop, OrderStatus::kNew), kNow).ok());
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(stop, OrderStatus::kTriggered), kNow).ok());
  trading::Fill fill = FillOf(stop, 2, "0.01"_dec, "58990"_dec);
  fill.client_order_id.clear();
  fill.exchange_order_id = "9001";
  ledger.ApplyFill(fill, kNow);
  EXPECT_EQ(stop.status, OrderStatus::kFilled);
  EXPECT_EQ(ledger.FindTrade("a")->close_reason, "STOP_LOSS");
}

TEST_F(LedgerTest, AReduceOnlyOrderThatTheVenueCutIsFilledWithWhatItGot) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& close = Adopt(CloseApproval("close", Side::kSell, "0.02"));
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(close, OrderStatus::kFilled, "0.01"_dec, "60000"_dec), kNow).ok());
  EXPECT_EQ(close.status, OrderStatus::kFilled);
  EXPECT_EQ(close.quantity, "0.01"_dec);
}

TEST_F(LedgerTest, AnEntryThatEndsUnfilledTakesItsUnsentProtectionWithIt) {
  const Order& entry = Adopt(OpenApproval("a"));
  const ChangeSet changes = ledger.MarkRejected(entry.client_order_id, "-2019 Margin is insufficient.", kNow);
  EXPECT_EQ(TypesOf(changes), std::vector<std::string>{"order.failed"});
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kFailed);
  EXPECT_EQ(OrderOf("a", Leg::kStopLoss).status, OrderStatus::kCanceled);
  EXPECT_EQ(changes.orders.size(), 3u);
}

TEST_F(LedgerTest, ACancelledEntryWaitsForItsFillsBeforeItsTradeEnds) {
  const Order& entry = Adopt(OpenApproval("a"));
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(entry, OrderStatus::kCanceled, "0.004"_dec, "60000"_dec), kNow).ok());
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kPending);
  FillWith(entry, 1, "0.004", "60000");
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kOpen);
  EXPECT_EQ(ledger.FindTrade("a")->open_quantity(), "0.004"_dec);
}

TEST_F(LedgerTest, ALateRefusalNeverUndoesWhatTheExchangeReported) {
  const Order& entry = Adopt(OpenApproval("a"));
  FillWith(entry, 1, "0.01", "60000");
  EXPECT_TRUE(ledger.MarkRejected(entry.client_order_id, "late", kNow).empty());
  EXPECT_TRUE(ledger.MarkUnknown(entry.client_order_id, "late", kNow).empty());
  EXPECT_EQ(entry.status, OrderStatus::kFilled);
}

TEST_F(LedgerTest, APositionIsProtectedOnceALiveStopCoversIt) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  EXPECT_FALSE(ledger.OpenPositions().front().is_protected);
  const ChangeSet changes = ledger.ApplyReport(ReportOf(OrderOf("a", Leg::kStopLoss), OrderStatus::kNew), kNow).value();
  EXPECT_TRUE(ledger.OpenPositions().front().is_protected);
  EXPECT_EQ(TypesOf(changes), (std::vector<std::string>{"order.placed", "position.updated"}));
}

TEST_F(LedgerTest, APositionThatNobodyDecidedIsAdoptedWithADefaultStop) {
  ledger.Correct("BTCUSDT", "-0.5"_dec, "60000"_dec, kNow);
  const auto trades = ledger.ActiveTrades("BTCUSDT");
  ASSERT_EQ(trades.size(), 1u);
  EXPECT_EQ(trades[0]->side, Side::kSell);
  EXPECT_EQ(trades[0]->stop_loss, "61200"_dec);
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "-0.5"_dec);
}

TEST_F(LedgerTest, AnEntryOfTheOtherSideClosesWhatTheVenueNetsItAgainst) {
  const Order& buy = Adopt(OpenApproval("long"));
  const Order& sell = Adopt(OpenApproval("short", Side::kSell, "0.015"));
  FillWith(buy, 1, "0.01", "60000", "0.3");
  const ChangeSet changes = FillWith(sell, 2, "0.015", "60100", "0.4");
  EXPECT_EQ(ledger.FindTrade("long")->status, TradeStatus::kClosed);
  EXPECT_EQ(ledger.FindTrade("long")->close_reason, "NETTED");
  EXPECT_EQ(ledger.FindTrade("long")->net_pnl(), "0.7"_dec);
  EXPECT_EQ(ledger.FindTrade("short")->open_quantity(), "0.005"_dec);
  EXPECT_EQ(ledger.FindTrade("short")->position.realized_pnl, Decimal());
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "-0.005"_dec);
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").realized_pnl, "1"_dec);
  EXPECT_EQ(TypesOf(changes),
            (std::vector<std::string>{"order.filled", "trade.opened", "trade.closed", "position.updated"}));
}

TEST_F(LedgerTest, TwoEntriesThatCancelEachOtherOutLeaveNoTrade) {
  const Order& buy = Adopt(OpenApproval("long"));
  const Order& sell = Adopt(OpenApproval("short", Side::kSell));
  FillWith(buy, 1, "0.01", "60000");
  FillWith(sell, 2, "0.01", "59900");
  EXPECT_TRUE(ledger.ActiveTrades().empty());
  EXPECT_TRUE(ledger.PositionOf("BTCUSDT").is_flat());
  EXPECT_EQ(ledger.FindTrade("long")->net_pnl(), "-1"_dec);
}

TEST_F(LedgerTest, AnEndedTradeIsNotForgottenWhileItsStopIsLive) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& stop = OrderOf("a", Leg::kStopLoss);
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(stop, OrderStatus::kNew), kNow).ok());
  FillWith(Adopt(CloseApproval("close", Side::kSell, "0.01")), 2, "0.01", "60000");
  ledger.Discard(OrderOf("a", Leg::kTakeProfit).client_order_id, "over", kNow);
  const WallTime later = kNow + std::chrono::hours(1);
  ledger.Purge(later);
  ASSERT_NE(ledger.FindTrade("a"), nullptr);
  ledger.MarkGone(stop.client_order_id, "cancelled", kNow);
  ledger.Purge(later);
  EXPECT_EQ(ledger.FindTrade("a"), nullptr);
}

// It was made larger, sent, and its process died before that was written (tests/simulation_orders, seed 3181503).
TEST_F(LedgerTest, AProtectiveOrderThatNothingWasHeardOfIsNotEndedByWhatMayBeAPartOfIt) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& target = OrderOf("a", Leg::kTakeProfit);
  const std::string id = target.client_order_id;
  ledger.Resize(id, "0.004"_dec, kNow);
  FillWith(target, 2, "0.004", "61000");
  EXPECT_EQ(OrderOf("a", Leg::kTakeProfit).status, OrderStatus::kPartiallyFilled);
  ledger.TakeTerms(id, "0.01"_dec, target.trigger_price, kNow);
  FillWith(OrderOf("a", Leg::kTakeProfit), 3, "0.006", "61000");
  EXPECT_EQ(OrderOf("a", Leg::kTakeProfit).status, OrderStatus::kFilled);
  EXPECT_EQ(OrderOf("a", Leg::kTakeProfit).filled_quantity, "0.01"_dec);
}

// After a start nobody else would look after it.
TEST_F(LedgerTest, TheSymbolOfAnEndedTradeIsNamedWhileItsStopIsLive) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  const Order& stop = OrderOf("a", Leg::kStopLoss);
  ASSERT_TRUE(ledger.ApplyReport(ReportOf(stop, OrderStatus::kNew), kNow).ok());
  ledger.Discard(OrderOf("a", Leg::kTakeProfit).client_order_id, "over", kNow);
  FillWith(Adopt(CloseApproval("close", Side::kSell, "0.01")), 2, "0.01", "60000");
  EXPECT_EQ(ledger.Symbols(), std::vector<std::string>{"BTCUSDT"});
  ledger.MarkGone(stop.client_order_id, "cancelled", kNow);
  EXPECT_TRUE(ledger.Symbols().empty());
}

TEST_F(LedgerTest, APositionThatIsGoneAtTheVenueClosesItsTrade) {
  FillWith(Adopt(OpenApproval("a")), 1, "0.01", "60000");
  ledger.Correct("BTCUSDT", {}, {}, kNow);
  EXPECT_TRUE(ledger.PositionOf("BTCUSDT").is_flat());
  EXPECT_EQ(ledger.FindTrade("a")->status, TradeStatus::kClosed);
  EXPECT_EQ(ledger.FindTrade("a")->close_reason, "RECONCILED");
}

// Fills in any order, any number of times, with reports between: positions and trades agree, and nothing counts twice.
RC_GTEST_PROP(LedgerProperty, PositionsAndTradesAgreeForEveryInterleaving, ()) {
  const Rules rules = AllRules();
  Ledger ledger({}, rules);
  std::vector<trading::Fill> fills;
  int64_t trade_id = 0;
  Decimal expected;
  for (const char* name : {"a", "b", "c"}) {
    const Side side = *rc::gen::element(Side::kBuy, Side::kSell);
    const Plan plan = PlanOf(OpenApproval(name, side));
    ledger.Adopt(plan);
    const int parts = *rc::gen::inRange(1, 6);
    for (int part = 0; part < parts; ++part) {
      fills.push_back(FillOf(plan.orders[0], ++trade_id, "0.002"_dec, Decimal::FromInt(60000 + part), "0.01"_dec));
      expected += side == Side::kBuy ? "0.002"_dec : -"0.002"_dec;
    }
  }
  std::vector<size_t> arrival;
  for (size_t i = 0; i < fills.size(); ++i) {
    arrival.insert(arrival.end(), static_cast<size_t>(*rc::gen::inRange(1, 4)), i);
  }
  std::shuffle(arrival.begin(), arrival.end(), std::mt19937(*rc::gen::arbitrary<uint32_t>()));
  size_t counted = 0;
  for (const size_t i : arrival) {
    counted += ledger.ApplyFill(fills[i], kNow).fills.size();
    Decimal by_trades;
    Decimal open;
    for (const Trade* trade : ledger.ActiveTrades()) {
      by_trades += trade->position.quantity;
      open += trade->open_quantity();
    }
    RC_ASSERT(by_trades == ledger.PositionOf("BTCUSDT").quantity);
    RC_ASSERT(open == by_trades.Abs());  // no two trades of both sides at once
    // What is won so far is the same by trades as by the account, which averages over all of them; but for rounding.
    const auto won = [](const trading::Position& position) {
      return position.realized_pnl + position.quantity.Times("60000"_dec - position.entry_price);
    };
    Decimal by_trade;
    for (const char* name : {"a", "b", "c"}) {
      by_trade += won(ledger.FindTrade(name)->position);
    }
    RC_ASSERT((by_trade - won(ledger.PositionOf("BTCUSDT"))).Abs() < "0.000001"_dec);
  }
  RC_ASSERT(counted == fills.size());
  RC_ASSERT(ledger.PositionOf("BTCUSDT").quantity == expected);
}

}  // namespace
}  // namespace quantum::execution
