#include "services/execution/store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <boost/json.hpp>
#include <span>

#include "services/execution/store_rows.h"

namespace quantum::execution {
namespace {

using postgres::Param;
using postgres::Params;
using postgres::Statement;

std::string Text(WallTime time) { return FormatIso8601(time); }
Param TextOrNull(WallTime time) { return time == WallTime{} ? Param() : Param(Text(time)); }
Param TextOrNull(const std::optional<Decimal>& value) { return value ? Param(value->ToString()) : Param(); }
Param TextOrNull(const std::string& text) { return text.empty() ? Param() : Param(text); }
std::string Bool(bool value) { return value ? "t" : "f"; }

std::string InsertInto(std::string_view table, std::span<const char* const> columns) {
  std::string places;
  for (size_t i = 1; i <= columns.size(); ++i) {
    places += fmt::format("{}${}", i == 1 ? "" : ",", i);
  }
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", table, fmt::join(columns, ", "), places);
}

// A row for jsonb_populate_record: it reads text as Postgres reads a parameter.
boost::json::object RowOf(std::span<const char* const> columns, const Params& params) {
  boost::json::object row;
  for (size_t i = 0; i < columns.size(); ++i) {
    row[columns[i]] = params[i] ? boost::json::value(*params[i]) : boost::json::value();
  }
  return row;
}

Params OrderParams(const Order& order, const std::string& mode, int64_t fence) {
  return {order.client_order_id,
          order.exchange_order_id,
          order.decision_id,
          order.correlation_id,
          order.symbol,
          std::string(ToString(order.leg)),
          std::string(ToString(order.side)),
          std::string(ToString(order.type)),
          std::string(ToString(order.time_in_force)),
          order.quantity.ToString(),
          order.price.ToString(),
          order.trigger_price.ToString(),
          Bool(order.reduce_only),
          std::string(ToString(order.status)),
          order.filled_quantity.ToString(),
          order.average_price.ToString(),
          order.fee.ToString(),
          std::to_string(order.version),
          order.reason,
          mode,
          Text(order.created),
          Text(order.updated),
          std::to_string(fence),
          order.callback_percent.ToString()};
}

// Of OrderParams, in their order.
constexpr std::array kOrderFields{"client_order_id",
                                  "exchange_order_id",
                                  "decision_id",
                                  "correlation_id",
                                  "symbol",
                                  "leg",
                                  "side",
                                  "type",
                                  "time_in_force",
                                  "quantity",
                                  "price",
                                  "trigger_price",
                                  "reduce_only",
                                  "status",
                                  "filled_quantity",
                                  "average_price",
                                  "fee",
                                  "version",
                                  "reason",
                                  "mode",
                                  "created_at",
                                  "updated_at",
                                  "fence",
                                  "callback_percent"};

constexpr std::string_view kUpdateOrder =
    " ON CONFLICT (client_order_id) DO UPDATE SET exchange_order_id = excluded.exchange_order_id, quantity = "
    "excluded.quantity, status = "
    "excluded.status, "
    "filled_quantity = excluded.filled_quantity, average_price = excluded.average_price, fee = excluded.fee, "
    "version = excluded.version, reason = excluded.reason, updated_at = excluded.updated_at "
    "WHERE orders.version < excluded.version";

Statement WriteOrder(const Order& order, const std::string& mode, int64_t fence) {
  static const std::string sql = InsertInto("orders", kOrderFields) + std::string(kUpdateOrder);
  return {sql, OrderParams(order, mode, fence)};
}

// What the contract's columns do not hold, needed to go on after a restart.
boost::json::object Metadata(const Trade& trade) {
  boost::json::object metadata;
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

Params TradeParams(const Trade& trade) {
  const bool entered = trade.entry_quantity.is_positive();
  const bool exited = trade.exit_quantity.is_positive();
  const Decimal quantity = entered ? trade.entry_quantity : trade.planned_quantity;
  return {trade.trade_id,
          trade.symbol,
          trade.side == Side::kBuy ? "LONG" : "SHORT",
          std::string(ToString(trade.status)),
          quantity.ToString(),
          std::to_string(trade.leverage),
          entered ? Param(trade.margin().ToString()) : Param(),
          entered ? Param(trade.entry_price().ToString()) : Param(),
          TextOrNull(trade.entry_time),
          TextOrNull(trade.stop_loss),
          TextOrNull(trade.take_profit),
          TextOrNull(trade.trail_percent),
          exited ? Param(trade.exit_price().ToString()) : Param(),
          TextOrNull(trade.exit_time),
          TextOrNull(trade.close_reason),
          exited ? Param(trade.net_pnl().ToString()) : Param(),
          exited ? TextOrNull(trade.pnl_percent()) : Param(),
          exited ? TextOrNull(trade.r_multiple()) : Param(),
          trade.entry_fee.ToString(),
          trade.exit_fee.ToString(),
          trade.funding.ToString(),
          TextOrNull(trade.model),
          std::to_string(trade.confidence),
          TextOrNull(trade.strategy),
          TextOrNull(trade.regime),
          TextOrNull(trade.exchange_order_id),
          TextOrNull(trade.stop_order_id),
          TextOrNull(trade.take_profit_order_id),
          boost::json::serialize(Metadata(trade)),
          Text(trade.created),
          Text(trade.updated)};
}

// Of TradeParams, in their order.
constexpr std::array kTradeFields{
    "trade_id",     "symbol",     "side",      "status",     "quantity",          "leverage",     "margin_usd",
    "entry_price",  "entry_time", "sl_price",  "tp_price",   "trail_percent",     "exit_price",   "exit_time",
    "close_reason", "pnl_usd",    "pnl_pct",   "r_multiple", "entry_fee_usd",     "exit_fee_usd", "funding_fees_usd",
    "model",        "confidence", "strategy",  "regime",     "exchange_order_id", "sl_order_id",  "tp_order_id",
    "metadata",     "created_at", "updated_at"};

constexpr std::string_view kUpdateTrade =
    " ON CONFLICT (trade_id) DO UPDATE SET status = excluded.status, quantity = excluded.quantity, margin_usd = "
    "excluded.margin_usd, "
    "entry_price = excluded.entry_price, entry_time = excluded.entry_time, sl_price = excluded.sl_price, "
    "exit_price = excluded.exit_price, exit_time = excluded.exit_time, close_reason = excluded.close_reason, "
    "pnl_usd = excluded.pnl_usd, pnl_pct = excluded.pnl_pct, r_multiple = excluded.r_multiple, "
    "entry_fee_usd = excluded.entry_fee_usd, exit_fee_usd = excluded.exit_fee_usd, "
    "funding_fees_usd = excluded.funding_fees_usd, exchange_order_id = excluded.exchange_order_id, "
    "sl_order_id = excluded.sl_order_id, tp_order_id = excluded.tp_order_id, metadata = excluded.metadata, "
    "updated_at = excluded.updated_at";

Statement WriteTrade(const Trade& trade) {
  static const std::string sql = InsertInto("trades", kTradeFields) + std::string(kUpdateTrade);
  return {sql, TradeParams(trade)};
}

Statement FillStatement(const trading::Fill& fill) {
  return {
      "INSERT INTO fills (symbol, trade_id, client_order_id, exchange_order_id, side, price, quantity, fee, fee_asset, "
      "realized_pnl, maker, filled_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) "
      "ON CONFLICT (symbol, trade_id) DO NOTHING",
      {fill.symbol, std::to_string(fill.trade_id), fill.client_order_id, fill.exchange_order_id,
       std::string(ToString(fill.side)), fill.price.ToString(), fill.quantity.ToString(), fill.fee.ToString(),
       fill.fee_asset, fill.realized_pnl.ToString(), Bool(fill.maker), Text(fill.time)}};
}

Statement PositionStatement(const PositionRow& row) {
  const trading::Position& position = row.position;
  return {
      "INSERT INTO positions (symbol, quantity, entry_price, realized_pnl, fees, protected, funding, updated_at) "
      "VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, "
      "entry_price = excluded.entry_price, realized_pnl = excluded.realized_pnl, fees = excluded.fees, "
      "protected = excluded.protected, funding = excluded.funding, updated_at = excluded.updated_at",
      {position.symbol, position.quantity.ToString(), position.entry_price.ToString(), position.realized_pnl.ToString(),
       position.fees.ToString(), Bool(row.is_protected), position.funding.ToString(), Text(row.updated)}};
}

Statement FundingStatement(const exchange::FundingPayment& payment) {
  return {
      "INSERT INTO funding_payments (symbol, payment_id, paid, paid_at) VALUES ($1,$2,$3,$4) "
      "ON CONFLICT (symbol, payment_id) DO NOTHING",
      {payment.symbol, std::to_string(payment.id), payment.paid.ToString(), Text(payment.time)}};
}

}  // namespace

std::vector<Statement> WriteStatements(const ChangeSet& changes, const std::string& mode, int64_t fence) {
  std::vector<Statement> statements;
  for (const Order& order : changes.orders) {
    statements.push_back(WriteOrder(order, mode, fence));
  }
  for (const trading::Fill& fill : changes.fills) {
    statements.push_back(FillStatement(fill));
  }
  for (const exchange::FundingPayment& payment : changes.funding) {
    statements.push_back(FundingStatement(payment));
  }
  for (const PositionRow& row : changes.positions) {
    statements.push_back(PositionStatement(row));
  }
  for (const Trade& trade : changes.trades) {
    statements.push_back(WriteTrade(trade));
  }
  for (const auto& [symbol, trade_id] : changes.cursors) {
    statements.push_back(
        {"INSERT INTO fill_cursors (symbol, trade_id) VALUES ($1,$2) ON CONFLICT (symbol) DO UPDATE "
         "SET trade_id = greatest(fill_cursors.trade_id, excluded.trade_id)",
         {symbol, std::to_string(trade_id)}});
  }
  return statements;
}

Statement RecordPlan(const Plan& plan, const std::string& mode, int64_t fence) {
  boost::json::array orders;
  for (const Order& order : plan.orders) {
    orders.push_back(RowOf(kOrderFields, OrderParams(order, mode, fence)));
  }
  Param trade;
  if (plan.trade) {
    boost::json::object row = RowOf(kTradeFields, TradeParams(*plan.trade));
    row["metadata"] = Metadata(*plan.trade);  // in a jsonb column text would stay text
    trade = boost::json::serialize(row);
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
