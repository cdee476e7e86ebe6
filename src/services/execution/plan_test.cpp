#include "services/execution/plan.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <set>

#include "services/execution/test_data.h"

namespace quantum::execution {
namespace {

using namespace test;
using trading::OrderStatus;
using trading::OrderType;

std::string CodeOf(const Approval& approval, const trading::SymbolRules* rules) {
  const auto made = MakePlan(approval, rules, "correlation", kNow);
  const auto* refusal = std::get_if<Refusal>(&made);
  return refusal == nullptr ? "" : refusal->code;
}

TEST(Plan, NothingOpensInASymbolThatTheVenueHasHalted) {
  trading::SymbolRules rules = BtcRules();
  rules.trading = false;
  EXPECT_EQ(CodeOf(OpenApproval(), &rules), "SYMBOL_NOT_TRADING");
  EXPECT_EQ(CodeOf(CloseApproval("close", Side::kSell, "0.01"), &rules), "") << "what closes is for the venue to judge";
}

TEST(Plan, AnOpeningIsEntryStopAndTakeProfitCommittedTogether) {
  const Plan plan = PlanOf(OpenApproval());
  ASSERT_EQ(plan.orders.size(), 3u);
  const auto& [entry, stop, target] = std::tie(plan.orders[0], plan.orders[1], plan.orders[2]);
  EXPECT_EQ(entry.type, OrderType::kMarket);
  EXPECT_FALSE(entry.reduce_only);
  EXPECT_EQ(stop.type, OrderType::kStopMarket);
  EXPECT_EQ(stop.side, Side::kSell);
  EXPECT_EQ(stop.trigger_price, "59000"_dec);
  EXPECT_TRUE(stop.reduce_only);
  EXPECT_EQ(target.type, OrderType::kTakeProfitMarket);
  EXPECT_TRUE(target.reduce_only);
  for (const Order& order : plan.orders) {
    EXPECT_EQ(order.status, OrderStatus::kIntent);
    EXPECT_EQ(order.quantity, "0.01"_dec);
    EXPECT_EQ(order.correlation_id, "correlation-decision-1");
  }
  EXPECT_EQ(entry.client_order_id, trading::ClientOrderId("decision-1", Leg::kEntry));
  EXPECT_EQ(plan.trade->trade_id, "decision-1");
  EXPECT_EQ(plan.trade->status, TradeStatus::kPending);
}

TEST(Plan, RoundsDownToTheStepAndTheStopTowardsTheEntry) {
  Approval approval = OpenApproval();
  approval.decision.quantity = "0.0109"_dec;
  approval.decision.stop_loss = "59000.03"_dec;
  approval.decision.take_profit = "62000.07"_dec;
  const Plan plan = PlanOf(approval);
  EXPECT_EQ(plan.orders[0].quantity, "0.01"_dec);
  EXPECT_EQ(plan.orders[1].trigger_price, "59000.1"_dec);
  EXPECT_EQ(plan.orders[2].trigger_price, "62000"_dec);
}

TEST(Plan, APostOnlyLimitAndAGuardAgainstSlippageAreOrdersOfTheirOwnKind) {
  Approval approval = OpenApproval();
  approval.decision.price = "59999.97"_dec;
  approval.decision.time_in_force = trading::TimeInForce::kGtx;
  const Order post_only = PlanOf(approval).orders[0];
  EXPECT_EQ(post_only.type, trading::OrderType::kLimit);
  EXPECT_EQ(post_only.time_in_force, trading::TimeInForce::kGtx);
  EXPECT_EQ(post_only.price, "59999.9"_dec);

  approval = OpenApproval();
  approval.decision.slippage_percent = "0.1"_dec;
  const Order guarded = PlanOf(approval).orders[0];
  EXPECT_EQ(guarded.type, trading::OrderType::kLimit);
  EXPECT_EQ(guarded.time_in_force, trading::TimeInForce::kIoc) << "what cannot be had at once is not entered";
  EXPECT_EQ(guarded.price, "60060"_dec);
  approval = OpenApproval("d", Side::kSell);
  approval.decision.slippage_percent = "0.1"_dec;
  EXPECT_EQ(PlanOf(approval).orders[0].price, "59940"_dec);
}

TEST(Plan, TakeProfitsInPartsAddUpToWhatWasEntered) {
  Approval approval = OpenApproval("d", Side::kBuy, "0.011");
  approval.decision.take_profits = {{"61000"_dec, "0.5"_dec}, {"62000"_dec, "0.25"_dec}, {"63000"_dec, "0.25"_dec}};
  approval.decision.trail = "0.5"_dec;
  const Plan plan = PlanOf(approval);
  ASSERT_EQ(plan.orders.size(), 6u);
  EXPECT_EQ(plan.orders[2].quantity, "0.005"_dec);
  EXPECT_EQ(plan.orders[3].quantity, "0.002"_dec);
  EXPECT_EQ(plan.orders[4].quantity, "0.004"_dec) << "the last takes the rest";
  EXPECT_EQ(plan.orders[5].type, trading::OrderType::kTrailingStop);
  EXPECT_EQ(plan.orders[5].callback_percent, "0.5"_dec);
  std::set<std::string> ids;
  for (const Order& order : plan.orders) {
    ids.insert(order.client_order_id);
    EXPECT_TRUE(order.leg == Leg::kEntry || order.reduce_only);
  }
  EXPECT_EQ(ids.size(), 6u);
}

TEST(Plan, RefusesWhatCannotBeRightWithItsCode) {
  const auto rules = BtcRules();
  const auto with = [](auto change) {
    Approval approval = OpenApproval();
    change(approval.decision);
    return approval;
  };
  EXPECT_EQ(CodeOf(OpenApproval(), nullptr), "UNKNOWN_SYMBOL");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.stop_loss.reset(); }), &rules), "STOP_LOSS_MISSING");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.stop_loss = "60001"_dec; }), &rules), "STOP_LOSS_WRONG_SIDE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.side = Side::kSell; }), &rules), "STOP_LOSS_WRONG_SIDE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.take_profit = "59999"_dec; }), &rules), "TAKE_PROFIT_WRONG_SIDE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.quantity = "0.0009"_dec; }), &rules), "QUANTITY_BELOW_MIN");
  EXPECT_EQ(CodeOf(with([](Decision& d) {
                     d.take_profits = {{"61000"_dec, "0.6"_dec}, {"62000"_dec, "0.6"_dec}};
                   }),
                   &rules),
            "TAKE_PROFIT_SHARES");
  EXPECT_EQ(CodeOf(with([](Decision& d) {
                     d.take_profits = {{"61000"_dec, "0.5"_dec}, {"61000"_dec, "0.5"_dec}};
                   }),
                   &rules),
            "TAKE_PROFIT_SHARES");
  EXPECT_EQ(CodeOf(with([](Decision& d) {
                     d.take_profits = {{"61000"_dec, "0.01"_dec}};
                   }),
                   &rules),
            "TAKE_PROFIT_BELOW_MIN");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.trail = "0.05"_dec; }), &rules), "TRAIL_RANGE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.slippage_percent = "11"_dec; }), &rules), "SLIPPAGE_RANGE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.time_in_force = trading::TimeInForce::kGtx; }), &rules),
            "TIME_IN_FORCE_WITHOUT_PRICE");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.quantity = "121"_dec; }), &rules), "QUANTITY_EXCEEDS_MAX");
  EXPECT_EQ(CodeOf(with([](Decision& d) { d.quantity = "0.001"_dec; }), &rules), "NOTIONAL_BELOW_MIN");
}

TEST(Plan, GatesStopEntriesButNeverExits) {
  Gates gates{.mode = "PAPER", .now = kNow};
  const Decision open = OpenApproval().decision;
  const Decision close = CloseApproval("close-1", Side::kSell, "0.01").decision;
  EXPECT_EQ(RefusedBy(gates, open), std::nullopt);
  const auto code = [&](auto change) {
    Gates changed = gates;
    change(changed);
    EXPECT_EQ(RefusedBy(changed, close), std::nullopt);
    const auto refusal = RefusedBy(changed, open);
    return refusal ? refusal->code : std::string();
  };
  EXPECT_EQ(code([](Gates& g) { g.halted = "by hand"; }), "HALTED");
  EXPECT_EQ(code([](Gates& g) { g.paused = true; }), "PAUSED");
  EXPECT_EQ(code([](Gates& g) { g.draining = true; }), "DRAINING");
  EXPECT_EQ(code([](Gates& g) { g.symbol_halted = true; }), "SYMBOL_HALTED");
  EXPECT_EQ(code([](Gates& g) { g.position = "-0.5"_dec; }), "OPPOSITE_POSITION");
}

TEST(Plan, AnExpiredDecisionAndOneOfAnotherModeAreRefusedWhateverTheyWant) {
  for (const Decision& decision : {OpenApproval().decision, CloseApproval("c", Side::kSell, "0.01").decision}) {
    EXPECT_EQ(RefusedBy({.mode = "PAPER", .now = kNow + std::chrono::seconds(31)}, decision)->code, "DECISION_EXPIRED");
    EXPECT_EQ(RefusedBy({.mode = "LIVE", .now = kNow}, decision)->code, "MODE_MISMATCH");
  }
}

// pains.md 1: a close is reduce-only, against the position, and never larger than it.
RC_GTEST_PROP(Pain1, ACloseNeverOpensOrFlips, ()) {
  const Decimal position = Decimal::FromRaw(*rc::gen::inRange<int64_t>(-5'000'000, 5'000'000) * 1000);
  RC_PRE(!position.is_zero());
  const Decimal asked = Decimal::FromRaw(*rc::gen::inRange<int64_t>(1, 9'000'000) * 1000);
  const Order close = MakeClose("d", 0, "BTCUSDT", position, asked, kBySignal, "c", kNow);
  RC_ASSERT(close.reduce_only);
  RC_ASSERT(close.leg == Leg::kClose);
  RC_ASSERT((close.side == Side::kSell) == position.is_positive());
  RC_ASSERT(close.quantity <= position.Abs());
}

TEST(Plan, EveryPartOfALegHasAnIdOfItsOwnThatTheVenueTakes) {
  const Trade trade = *PlanOf(OpenApproval()).trade;
  std::set<std::string> ids;
  for (int part = 0; part < 350; ++part) {
    const std::string id =
        MakeProtection(trade, Leg::kStopLoss, part, "0.01"_dec, trade.stop_loss, kNow).client_order_id;
    EXPECT_LE(id.size(), 36u);
    EXPECT_TRUE(ids.insert(id).second) << part;
  }
}

}  // namespace
}  // namespace quantum::execution
