#include "services/execution/store.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "services/execution/store_rows.h"

namespace quantum::execution {
namespace {

using boost::json::object;
using boost::json::value;
using postgres::Statement;

// Rows are JSON objects: Postgres reads a text in them as it reads a parameter, so that a decimal keeps its digits.

std::string Text(WallTime time) { return FormatIso8601(time); }
value TextOrNull(WallTime time) { return time == WallTime{} ? value() : value(Text(time)); }
value TextOrNull(const std::optional<Decimal>& number) { return number ? value(number->ToString()) : value(); }
value TextIf(bool known, const Decimal& number) { return known ? value(number.ToString()) : value(); }
value TextOrNull(const std::string& text) { return text.empty() ? value() : value(text); }

object RowOf(const Order& order, const std::string& mode, int64_t fence) {
  return {{"client_order_id", order.client_order_id},
          {"exchange_order_id", order.exchange_order_id},
          {"decision_id", order.decision_id},
          {"correlation_id", order.correlation_id},
          {"symbol", order.symbol},
          {"leg", ToString(order.leg)},
          {"side", ToString(order.side)},
          {"type", ToString(order.type)},
          {"time_in_force", ToString(order.time_in_force)},
          {"quantity", order.quantity.ToString()},
          {"price", order.price.ToString()},
          {"trigger_price", order.trigger_price.ToString()},
          {"reduce_only", order.reduce_only},
          {"status", ToString(order.status)},
          {"filled_quantity", order.filled_quantity.ToString()},
          {"average_price", order.average_price.ToString()},
          {"fee", order.fee.ToString()},
          {"version", order.version},
          {"reason", order.reason},
          {"mode", mode},
          {"created_at", Text(order.created)},
          {"updated_at", Text(order.updated)},
          {"fence", fence},
          {"callback_percent", order.callback_percent.ToString()}};
}

// What the contract's columns do not hold, needed to go on after a restart.
object Metadata(const Trade& trade) {
  object metadata;
  metadata["reservation_id"] = trade.reservation_id;
  metadata["correlation_id"] = trade.correlation_id;
  metadata["expires_at"] = trade.expires_at;
  metadata["planned_quantity"] = trade.planned_quantity.ToString();
  metadata["open_quantity"] = trade.position.quantity.ToString();
  metadata["open_entry_price"] = trade.position.entry_price.ToString();
  metadata["gross_pnl"] = trade.position.realized_pnl.ToString();
  metadata["entry_notional"] = trade.entry_notional.ToString();
  metadata["exit_quantity"] = trade.exit_quantity.ToString();
  metadata["exit_notional"] = trade.exit_notional.ToString();
  metadata["entry_quantity"] = trade.entry_quantity.ToString();
  boost::json::array targets;
  for (const trading::event::TakeProfit& target : trade.targets) {
    targets.push_back({{"price", target.price.ToString()}, {"share", target.share.ToString()}});
  }
  metadata["targets"] = std::move(targets);
  return metadata;
}

object RowOf(const Trade& trade) {
  const bool entered = trade.entry_quantity.is_positive();
  const bool exited = trade.exit_quantity.is_positive();
  const Decimal quantity = entered ? trade.entry_quantity : trade.planned_quantity;
  return {{"trade_id", trade.trade_id},
          {"symbol", trade.symbol},
          {"side", trade.side == Side::kBuy ? "LONG" : "SHORT"},
          {"status", ToString(trade.status)},
          {"quantity", quantity.ToString()},
          {"leverage", trade.leverage},
          {"margin_usd", entered ? value(trade.margin().ToString()) : value()},
          {"entry_price", TextIf(entered, trade.entry_price())},
          {"entry_time", TextOrNull(trade.entry_time)},
          {"sl_price", TextOrNull(trade.stop_loss)},
          {"tp_price", TextOrNull(trade.take_profit)},
          {"trail_percent", TextOrNull(trade.trail_percent)},
          {"exit_price", TextIf(exited, trade.exit_price())},
          {"exit_time", TextOrNull(trade.exit_time)},
          {"close_reason", TextOrNull(trade.close_reason)},
          {"pnl_usd", TextIf(exited, trade.net_pnl())},
          {"pnl_pct", exited ? TextOrNull(trade.pnl_percent()) : value()},
          {"r_multiple", exited ? TextOrNull(trade.r_multiple()) : value()},
          {"entry_fee_usd", trade.entry_fee.ToString()},
          {"exit_fee_usd", trade.exit_fee.ToString()},
          {"funding_fees_usd", trade.funding.ToString()},
          {"model", TextOrNull(trade.model)},
          {"confidence", std::to_string(trade.confidence)},
          {"strategy", TextOrNull(trade.strategy)},
          {"regime", TextOrNull(trade.regime)},
          {"exchange_order_id", TextOrNull(trade.exchange_order_id)},
          {"sl_order_id", TextOrNull(trade.stop_order_id)},
          {"tp_order_id", TextOrNull(trade.take_profit_order_id)},
          {"metadata", Metadata(trade)},
          {"created_at", Text(trade.created)},
          {"updated_at", Text(trade.updated)}};
}

object RowOf(const trading::Fill& fill) {
  return {{"symbol", fill.symbol},
          {"trade_id", fill.trade_id},
          {"client_order_id", fill.client_order_id},
          {"exchange_order_id", fill.exchange_order_id},
          {"side", ToString(fill.side)},
          {"price", fill.price.ToString()},
          {"quantity", fill.quantity.ToString()},
          {"fee", fill.fee.ToString()},
          {"fee_asset", fill.fee_asset},
          {"realized_pnl", fill.realized_pnl.ToString()},
          {"maker", fill.maker},
          {"filled_at", Text(fill.time)}};
}

object RowOf(const exchange::FundingPayment& payment) {
  return {{"symbol", payment.symbol},
          {"payment_id", payment.id},
          {"paid", payment.paid.ToString()},
          {"paid_at", Text(payment.time)}};
}

object RowOf(const PositionRow& row) {
  const trading::Position& position = row.position;
  return {{"symbol", position.symbol},
          {"quantity", position.quantity.ToString()},
          {"entry_price", position.entry_price.ToString()},
          {"realized_pnl", position.realized_pnl.ToString()},
          {"fees", position.fees.ToString()},
          {"protected", row.is_protected},
          {"funding", position.funding.ToString()},
          {"updated_at", Text(row.updated)}};
}

}  // namespace

void ChangedRows::Add(const ChangeSet& changes) {
  for (const Order& order : changes.orders) {
    object& row = tables_["orders"][order.client_order_id];
    if (row.empty() || row.at("version").as_int64() < order.version) {
      row = RowOf(order, mode_, fence_);
    }
  }
  for (const trading::Fill& fill : changes.fills) {
    tables_["fills"][fmt::format("{} {}", fill.symbol, fill.trade_id)] = RowOf(fill);
  }
  for (const exchange::FundingPayment& payment : changes.funding) {
    tables_["funding_payments"][fmt::format("{} {}", payment.symbol, payment.id)] = RowOf(payment);
  }
  for (const PositionRow& row : changes.positions) {
    tables_["positions"][row.position.symbol] = RowOf(row);
  }
  for (const Trade& trade : changes.trades) {
    tables_["trades"][trade.trade_id] = RowOf(trade);
  }
  for (const auto& [symbol, trade_id] : changes.cursors) {
    tables_["fill_cursors"][symbol] = {{"symbol", symbol}, {"trade_id", trade_id}};
  }
}

Statement ChangedRows::Write() const {
  object changes;
  for (const auto& [table, rows] : tables_) {
    boost::json::array list;
    for (const auto& [key, row] : rows) {
      list.push_back(row);
    }
    changes[table] = std::move(list);
  }
  return {"SELECT execution_write($1::jsonb)", {boost::json::serialize(changes)}};
}

Statement RecordPlan(const Plan& plan, const std::string& mode, int64_t fence) {
  boost::json::array orders;
  for (const Order& order : plan.orders) {
    orders.push_back(RowOf(order, mode, fence));
  }
  postgres::Param trade;
  if (plan.trade) {
    trade = boost::json::serialize(RowOf(*plan.trade));
  }
  return {"SELECT FROM execution_record_plan($1::jsonb, $2::jsonb) AS first WHERE first",
          {boost::json::serialize(orders), std::move(trade)}};
}

Statement AwaitStandby() { return {"SELECT pg_logical_emit_message(true, 'execution', '')", {}}; }

Statement AskWhetherRecorded(const Plan& plan, int64_t fence) {
  const Order& entry = plan.orders.front();
  return {"SELECT FROM orders WHERE client_order_id = $1 AND created_at = $2 AND fence = $3 AND status = 'INTENT'",
          {entry.client_order_id, Text(entry.created), std::to_string(fence)}};
}

}  // namespace quantum::execution
