#include <boost/json.hpp>

#include "services/execution/store.h"
#include "services/execution/store_rows.h"

namespace quantum::execution {
namespace {

using postgres::Rows;

Error Broken(std::string_view what, std::string_view id, const Error& error) {
  return Error{Errc::kInternal, std::string(what) + " " + std::string(id) + " cannot be read: " + error.message};
}

Result<std::optional<Decimal>> ReadOptionalDecimal(const Rows& rows, size_t row, std::string_view column) {
  if (rows.IsNull(row, column)) {
    return std::optional<Decimal>();
  }
  QUANTUM_TRY(const Decimal value, ReadDecimal(rows, row, column));
  return std::optional<Decimal>(value);
}

WallTime ReadTime(const Rows& rows, size_t row, std::string_view column) {
  return rows.IsNull(row, column) ? WallTime{} : FromUnixMs(rows.Int(row, column));
}

std::string ReadText(const Rows& rows, size_t row, std::string_view column) {
  return rows.Optional(row, column).value_or("");
}

Decimal Member(const boost::json::object& metadata, std::string_view name) {
  const boost::json::value* value = metadata.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    return Decimal();
  }
  const auto parsed = Decimal::Parse({value->get_string().data(), value->get_string().size()});
  return parsed.ok() ? *parsed : Decimal();
}

std::string TextMember(const boost::json::object& metadata, std::string_view name) {
  const boost::json::value* value = metadata.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<std::vector<LedgerSnapshot::Tracked>> LoadOrders(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT " + std::string(kOrderColumns) +
                             ", coalesce((SELECT sum(f.quantity) FROM fills f WHERE f.client_order_id = "
                             "orders.client_order_id), 0) AS fills_quantity, coalesce((SELECT sum(f.quantity * f.price)"
                             "::numeric(28,8) FROM fills f WHERE f.client_order_id = orders.client_order_id), 0) AS "
                             "fills_notional FROM orders WHERE status IN ('INTENT', 'UNKNOWN', 'NEW', "
                             "'PARTIALLY_FILLED') OR decision_id IN (SELECT trade_id FROM trades WHERE status IN "
                             "('PENDING', 'OPEN', 'PARTIAL_TP')) OR (filled_quantity > 0 AND filled_quantity > "
                             "coalesce((SELECT sum(f.quantity) FROM fills f WHERE f.client_order_id = "
                             "orders.client_order_id), 0) AND updated_at > now() - interval '7 days') "
                             "ORDER BY created_at, version",
                         {}, {.idempotent = true}));
  std::vector<LedgerSnapshot::Tracked> orders;
  for (size_t row = 0; row < rows.size(); ++row) {
    LedgerSnapshot::Tracked tracked;
    QUANTUM_TRY(tracked.order, ReadOrder(rows, row));
    QUANTUM_TRY(tracked.fills_quantity, ReadDecimal(rows, row, "fills_quantity"));
    QUANTUM_TRY(tracked.fills_notional, ReadDecimal(rows, row, "fills_notional"));
    orders.push_back(std::move(tracked));
  }
  return orders;
}

Result<std::vector<PositionRow>> LoadPositions(postgres::Pool& pool) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT symbol, quantity, entry_price, realized_pnl, fees, funding, protected, "
                         "(extract(epoch FROM updated_at) * 1000)::bigint AS updated_ms FROM positions",
                         {}, {.idempotent = true}));
  std::vector<PositionRow> positions;
  for (size_t row = 0; row < rows.size(); ++row) {
    PositionRow position;
    position.position.symbol = std::string(rows.Text(row, "symbol"));
    QUANTUM_TRY(position.position.quantity, ReadDecimal(rows, row, "quantity"));
    QUANTUM_TRY(position.position.entry_price, ReadDecimal(rows, row, "entry_price"));
    QUANTUM_TRY(position.position.realized_pnl, ReadDecimal(rows, row, "realized_pnl"));
    QUANTUM_TRY(position.position.fees, ReadDecimal(rows, row, "fees"));
    QUANTUM_TRY(position.position.funding, ReadDecimal(rows, row, "funding"));
    position.is_protected = rows.Bool(row, "protected");
    position.updated = ReadTime(rows, row, "updated_ms");
    positions.push_back(position);
  }
  return positions;
}

// Before targets were written down there was one, for all of it.
void ReadTargets(const boost::json::object& metadata, Trade& trade) {
  const boost::json::value* targets = metadata.if_contains("targets");
  if (targets == nullptr || !targets->is_array()) {
    if (trade.take_profit) {
      trade.targets.push_back({*trade.take_profit, Decimal::FromInt(1)});
    }
    return;
  }
  for (const boost::json::value& target : targets->get_array()) {
    if (target.is_object()) {
      trade.targets.push_back({Member(target.get_object(), "price"), Member(target.get_object(), "share")});
    }
  }
}

// The newest ones, so that none is booked twice.
Result<std::vector<exchange::FundingPayment>> LoadFunding(postgres::Pool& pool) {
  QUANTUM_TRY(
      const Rows rows,
      pool.Query("SELECT symbol, payment_id, paid, (extract(epoch from paid_at) * 1000)::bigint AS paid_ms FROM "
                 "funding_payments WHERE paid_at >= (SELECT max(paid_at) - interval '1 day' FROM "
                 "funding_payments) ORDER BY paid_at",
                 {}, {.idempotent = true}));
  std::vector<exchange::FundingPayment> payments;
  for (size_t row = 0; row < rows.size(); ++row) {
    exchange::FundingPayment payment;
    payment.symbol = std::string(rows.Text(row, "symbol"));
    payment.id = rows.Int(row, "payment_id");
    QUANTUM_TRY(payment.paid, ReadDecimal(rows, row, "paid"));
    payment.time = ReadTime(rows, row, "paid_ms");
    payments.push_back(payment);
  }
  return payments;
}

}  // namespace

Result<Decimal> ReadDecimal(const Rows& rows, size_t row, std::string_view column) {
  auto parsed = Decimal::Parse(rows.Text(row, column));
  if (!parsed.ok()) {
    return Error{Errc::kInternal, "column " + std::string(column) + ": " + parsed.error().message};
  }
  return parsed;
}

Result<Order> ReadOrder(const Rows& rows, size_t row) {
  const auto read = [&]() -> Result<Order> {
    Order order;
    order.client_order_id = std::string(rows.Text(row, "client_order_id"));
    order.exchange_order_id = ReadText(rows, row, "exchange_order_id");
    order.decision_id = ReadText(rows, row, "decision_id");
    order.correlation_id = ReadText(rows, row, "correlation_id");
    order.symbol = ReadText(rows, row, "symbol");
    QUANTUM_TRY(order.leg, trading::ParseLeg(rows.Text(row, "leg")));
    QUANTUM_TRY(order.side, trading::ParseSide(rows.Text(row, "side")));
    QUANTUM_TRY(order.type, trading::ParseOrderType(rows.Text(row, "type")));
    QUANTUM_TRY(order.time_in_force, trading::ParseTimeInForce(rows.Text(row, "time_in_force")));
    QUANTUM_TRY(order.quantity, ReadDecimal(rows, row, "quantity"));
    QUANTUM_TRY(order.price, ReadDecimal(rows, row, "price"));
    QUANTUM_TRY(order.trigger_price, ReadDecimal(rows, row, "trigger_price"));
    QUANTUM_TRY(order.callback_percent, ReadDecimal(rows, row, "callback_percent"));
    order.reduce_only = rows.Bool(row, "reduce_only");
    QUANTUM_TRY(order.status, trading::ParseOrderStatus(rows.Text(row, "status")));
    QUANTUM_TRY(order.filled_quantity, ReadDecimal(rows, row, "filled_quantity"));
    QUANTUM_TRY(order.average_price, ReadDecimal(rows, row, "average_price"));
    QUANTUM_TRY(order.fee, ReadDecimal(rows, row, "fee"));
    order.version = rows.Int(row, "version");
    order.reason = ReadText(rows, row, "reason");
    order.created = ReadTime(rows, row, "created_ms");
    order.updated = ReadTime(rows, row, "updated_ms");
    return order;
  };
  auto order = read();
  return order.ok() ? std::move(order) : Broken("order", rows.Text(row, "client_order_id"), order.error());
}

Result<Trade> ReadTrade(const Rows& rows, size_t row) {
  const auto read = [&]() -> Result<Trade> {
    Trade trade;
    trade.trade_id = ReadText(rows, row, "trade_id");
    trade.symbol = ReadText(rows, row, "symbol");
    trade.side = rows.Text(row, "side") == "LONG" ? Side::kBuy : Side::kSell;
    QUANTUM_TRY(trade.status, ParseTradeStatus(rows.Text(row, "status")));
    trade.leverage = static_cast<int>(rows.Int(row, "leverage"));
    QUANTUM_TRY(trade.stop_loss, ReadOptionalDecimal(rows, row, "sl_price"));
    QUANTUM_TRY(trade.take_profit, ReadOptionalDecimal(rows, row, "tp_price"));
    QUANTUM_TRY(trade.trail_percent, ReadOptionalDecimal(rows, row, "trail_percent"));
    QUANTUM_TRY(const auto entry_fee, ReadOptionalDecimal(rows, row, "entry_fee_usd"));
    QUANTUM_TRY(const auto exit_fee, ReadOptionalDecimal(rows, row, "exit_fee_usd"));
    QUANTUM_TRY(const auto funding, ReadOptionalDecimal(rows, row, "funding_fees_usd"));
    trade.entry_fee = entry_fee.value_or(Decimal());
    trade.exit_fee = exit_fee.value_or(Decimal());
    trade.funding = funding.value_or(Decimal());
    trade.entry_time = ReadTime(rows, row, "entry_ms");
    trade.exit_time = ReadTime(rows, row, "exit_ms");
    trade.close_reason = ReadText(rows, row, "close_reason");
    trade.model = ReadText(rows, row, "model");
    trade.confidence = rows.IsNull(row, "confidence") ? 0 : rows.Double(row, "confidence");
    trade.strategy = ReadText(rows, row, "strategy");
    trade.regime = ReadText(rows, row, "regime");
    trade.exchange_order_id = ReadText(rows, row, "exchange_order_id");
    trade.stop_order_id = ReadText(rows, row, "sl_order_id");
    trade.take_profit_order_id = ReadText(rows, row, "tp_order_id");
    trade.created = ReadTime(rows, row, "created_ms");
    trade.updated = ReadTime(rows, row, "updated_ms");
    boost::system::error_code error;
    const std::string_view text = rows.Text(row, "metadata");
    const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
    if (error || !value.is_object()) {
      return Error{Errc::kInternal, "its metadata is not a JSON object"};
    }
    const boost::json::object& metadata = value.get_object();
    trade.reservation_id = TextMember(metadata, "reservation_id");
    trade.correlation_id = TextMember(metadata, "correlation_id");
    const boost::json::value* expires = metadata.if_contains("expires_at");
    trade.expires_at = expires != nullptr && expires->is_int64() ? expires->get_int64() : 0;
    trade.planned_quantity = Member(metadata, "planned_quantity");
    trade.position.symbol = trade.symbol;
    trade.position.quantity = Member(metadata, "open_quantity");
    trade.position.entry_price = Member(metadata, "open_entry_price");
    trade.position.realized_pnl = Member(metadata, "gross_pnl");
    trade.position.fees = trade.fees();
    trade.entry_quantity = Member(metadata, "entry_quantity");
    trade.entry_notional = Member(metadata, "entry_notional");
    trade.exit_quantity = Member(metadata, "exit_quantity");
    trade.exit_notional = Member(metadata, "exit_notional");
    ReadTargets(metadata, trade);
    return trade;
  };
  auto trade = read();
  return trade.ok() ? std::move(trade) : Broken("trade", rows.Text(row, "trade_id"), trade.error());
}

// What was approved until the services were stopped may have been carried out: the groups are set back after that.
Result<WallTime> LastRestore(postgres::Pool& pool) {
  QUANTUM_TRY(
      const Rows rows,
      pool.Query("SELECT (extract(epoch from coalesce(max(coalesce(groups_replayed_at, restored_at)), 'epoch')) "
                 "* 1000)::bigint AS ms FROM restores",
                 {}, {.idempotent = true}));
  return FromUnixMs(rows.Int(0, "ms"));
}

Result<LedgerSnapshot> LoadLedger(postgres::Pool& pool) {
  LedgerSnapshot snapshot;
  QUANTUM_TRY(snapshot.orders, LoadOrders(pool));
  QUANTUM_TRY(
      const Rows trades,
      pool.Query("SELECT " + std::string(kTradeColumns) +
                     " FROM trades WHERE status IN ('PENDING', 'OPEN', 'PARTIAL_TP') OR trade_id IN (SELECT "
                     "decision_id FROM orders WHERE status IN ('INTENT', 'UNKNOWN', 'NEW', 'PARTIALLY_FILLED'))",
                 {}, {.idempotent = true}));
  for (size_t row = 0; row < trades.size(); ++row) {
    QUANTUM_TRY(Trade trade, ReadTrade(trades, row));
    snapshot.trades.push_back(std::move(trade));
  }
  QUANTUM_TRY(snapshot.positions, LoadPositions(pool));
  QUANTUM_TRY(snapshot.funding, LoadFunding(pool));
  QUANTUM_TRY(const Rows cursors, pool.Query("SELECT symbol, trade_id FROM fill_cursors", {}, {.idempotent = true}));
  for (size_t row = 0; row < cursors.size(); ++row) {
    snapshot.cursors[std::string(cursors.Text(row, "symbol"))] = cursors.Int(row, "trade_id");
  }
  QUANTUM_TRY(const Rows beyond,
              pool.Query("SELECT f.symbol, f.trade_id FROM fills f LEFT JOIN fill_cursors c USING (symbol) "
                         "WHERE f.trade_id > coalesce(c.trade_id, 0)",
                         {}, {.idempotent = true}));
  for (size_t row = 0; row < beyond.size(); ++row) {
    snapshot.fills_beyond_cursor.emplace_back(std::string(beyond.Text(row, "symbol")), beyond.Int(row, "trade_id"));
  }
  return snapshot;
}

}  // namespace quantum::execution
