#pragma once

#include <string>

#include "services/execution/ledger.h"
#include "services/execution/plan.h"

// For tests: one symbol's rules, an approval, and what an exchange would report about its orders.
namespace quantum::execution::test {

using trading::operator""_dec;

inline constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

inline Decimal D(const char* text) { return Decimal::Parse(text).value(); }

inline trading::SymbolRules BtcRules() {
  trading::SymbolRules rules;
  rules.symbol = "BTCUSDT";
  rules.tick_size = D("0.1");
  rules.step_size = D("0.001");
  rules.min_quantity = D("0.001");
  rules.max_quantity = D("1000");
  rules.market_max_quantity = D("120");
  rules.min_price = D("556.8");
  rules.max_price = D("4529764");
  rules.min_notional = D("100");
  return rules;
}
inline Rules AllRules() { return {{"BTCUSDT", BtcRules()}}; }

inline Approval OpenApproval(const std::string& id = "decision-1", Side side = Side::kBuy,
                             const char* quantity = "0.01") {
  Approval approval;
  Decision& decision = approval.decision;
  decision.decision_id = id;
  decision.symbol = "BTCUSDT";
  decision.side = side;
  decision.quantity = D(quantity);
  decision.reference_price = D("60000");
  decision.leverage = 3;
  decision.stop_loss = side == Side::kBuy ? D("59000") : D("61000");
  decision.take_profit = side == Side::kBuy ? D("62000") : D("58000");
  decision.confidence = 0.7;
  decision.expires_at = ToUnixMs(kNow + std::chrono::seconds(30));
  decision.model = "trend";
  decision.strategy = "ensemble";
  decision.mode = "PAPER";
  approval.reservation_id = "reservation-" + id;
  return approval;
}

inline Approval CloseApproval(const std::string& id, Side side, const char* quantity) {
  Approval approval = OpenApproval(id, side, quantity);
  approval.decision.intent = trading::event::Intent::kClose;
  approval.decision.stop_loss.reset();
  approval.decision.take_profit.reset();
  approval.reservation_id.clear();
  return approval;
}

inline Plan PlanOf(const Approval& approval) {
  const auto rules = BtcRules();
  return std::get<Plan>(MakePlan(approval, &rules, "correlation-" + approval.decision.decision_id, kNow));
}

inline trading::OrderReport ReportOf(const Order& order, trading::OrderStatus status, Decimal filled = {},
                                     Decimal price = {}) {
  trading::OrderReport report;
  report.symbol = order.symbol;
  report.client_order_id = order.client_order_id;
  report.exchange_order_id = "77";
  report.status = status;
  report.filled_quantity = filled;
  report.average_price = price;
  report.time = kNow;
  return report;
}

inline trading::Fill FillOf(const Order& order, int64_t trade_id, Decimal quantity, Decimal price, Decimal fee = {}) {
  trading::Fill fill;
  fill.symbol = order.symbol;
  fill.trade_id = trade_id;
  fill.client_order_id = order.client_order_id;
  fill.exchange_order_id = "77";
  fill.side = order.side;
  fill.price = price;
  fill.quantity = quantity;
  fill.fee = fee;
  fill.fee_asset = "USDT";
  fill.time = kNow;
  return fill;
}

}  // namespace quantum::execution::test
