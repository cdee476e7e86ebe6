#include "operator/verify/read.h"

namespace quantum::operate {

namespace {

using postgres::Rows;
using trading::Decimal;

Result<Decimal> NumberAt(const Rows& rows, size_t row, std::string_view column) {
  return Decimal::Parse(rows.Text(row, column));
}

Status ReadOrders(postgres::Pool& pool, Ledger& ledger) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT client_order_id, exchange_order_id, symbol, status, type, filled_quantity FROM orders",
                         {}, {.timeout = std::chrono::seconds(30), .idempotent = true}));
  for (size_t row = 0; row < rows.size(); ++row) {
    Ledger::OrderRow order;
    order.symbol = std::string(rows.Text(row, "symbol"));
    QUANTUM_TRY(order.status, trading::ParseOrderStatus(rows.Text(row, "status")));
    QUANTUM_TRY(order.filled_quantity, NumberAt(rows, row, "filled_quantity"));
    QUANTUM_TRY(const trading::OrderType type, trading::ParseOrderType(rows.Text(row, "type")));
    order.conditional = trading::IsConditional(type);
    order.acknowledged = !rows.Text(row, "exchange_order_id").empty();
    ledger.orders[std::string(rows.Text(row, "client_order_id"))] = std::move(order);
  }
  return {};
}

Status ReadFills(postgres::Pool& pool, Ledger& ledger) {
  QUANTUM_TRY(const Rows rows,
              pool.Query("SELECT symbol, trade_id, side, price, quantity, fee, realized_pnl FROM fills", {},
                         {.timeout = std::chrono::seconds(30), .idempotent = true}));
  for (size_t row = 0; row < rows.size(); ++row) {
    trading::Fill fill;
    fill.symbol = std::string(rows.Text(row, "symbol"));
    fill.trade_id = rows.Int(row, "trade_id");
    QUANTUM_TRY(fill.side, trading::ParseSide(rows.Text(row, "side")));
    QUANTUM_TRY(fill.price, NumberAt(rows, row, "price"));
    QUANTUM_TRY(fill.quantity, NumberAt(rows, row, "quantity"));
    QUANTUM_TRY(fill.fee, NumberAt(rows, row, "fee"));
    QUANTUM_TRY(fill.realized_pnl, NumberAt(rows, row, "realized_pnl"));
    ledger.fills[{fill.symbol, fill.trade_id}] = fill;
  }
  return {};
}

Ledger::OrderRow RowOf(const exchange::VenueOrder& order) {
  return {.symbol = order.report.symbol,
          .status = order.report.status,
          .filled_quantity = order.report.filled_quantity,
          .conditional = trading::IsConditional(order.type)};
}

Status ReadVenueOrders(exchange::TradingVenue& venue, const Ledger& postgres, Ledger& ledger) {
  QUANTUM_TRY(const std::vector<exchange::VenueOrder> open, venue.OpenOrders());
  for (const exchange::VenueOrder& order : open) {
    ledger.orders[order.report.client_order_id] = RowOf(order);
  }
  for (const auto& [id, ours] : postgres.orders) {
    if (ledger.orders.contains(id)) {
      continue;
    }
    auto found = venue.Find(ours.symbol, id, ours.conditional);
    if (found.ok()) {
      ledger.orders[id] = RowOf(found.value());
    } else if (found.error().code != Errc::kNotFound) {
      return found.error();
    }
  }
  return {};
}

Status ReadVenueFills(exchange::TradingVenue& venue, const std::string& symbol, Ledger& ledger) {
  for (int64_t from = 1;;) {
    QUANTUM_TRY(const std::vector<trading::Fill> fills, venue.Fills(symbol, from));
    if (fills.empty()) {
      return {};
    }
    for (const trading::Fill& fill : fills) {
      ledger.fills[{symbol, fill.trade_id}] = fill;
    }
    from = fills.back().trade_id + 1;
  }
}

}  // namespace

Result<Ledger> ReadPostgres(postgres::Pool& pool, std::optional<Decimal> deposit) {
  Ledger ledger;
  QUANTUM_CHECK(ReadOrders(pool, ledger));
  QUANTUM_CHECK(ReadFills(pool, ledger));
  QUANTUM_TRY(const Rows rows, pool.Query("SELECT symbol, quantity FROM positions", {}, {.idempotent = true}));
  for (size_t row = 0; row < rows.size(); ++row) {
    QUANTUM_TRY(const Decimal quantity, NumberAt(rows, row, "quantity"));
    if (quantity != Decimal()) {
      ledger.positions[std::string(rows.Text(row, "symbol"))] = quantity;
    }
  }
  if (deposit) {
    Decimal wallet = *deposit;
    for (const auto& [key, fill] : ledger.fills) {
      wallet += fill.realized_pnl;
      wallet -= fill.fee;
    }
    ledger.wallet = wallet;
  }
  return ledger;
}

Result<Ledger> ReadVenue(exchange::TradingVenue& venue, const Ledger& postgres,
                         const std::vector<std::string>& symbols) {
  Ledger ledger;
  QUANTUM_CHECK(ReadVenueOrders(venue, postgres, ledger));
  for (const std::string& symbol : symbols) {
    QUANTUM_CHECK(ReadVenueFills(venue, symbol, ledger));
  }
  QUANTUM_TRY(const std::vector<exchange::VenuePosition> positions, venue.Positions());
  for (const exchange::VenuePosition& position : positions) {
    if (position.quantity != Decimal()) {
      ledger.positions[position.symbol] = position.quantity;
    }
  }
  QUANTUM_TRY(const exchange::Account account, venue.GetAccount());
  ledger.wallet = account.wallet_balance;
  return ledger;
}

}  // namespace quantum::operate
