#include "operator/verify/read.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"

namespace quantum::operate {

namespace {

using postgres::Rows;
using trading::Decimal;

Result<Decimal> NumberAt(const Rows& rows, size_t row, std::string_view column) {
  return Decimal::Parse(rows.Text(row, column));
}

int64_t NumberOf(const std::string& exchange_order_id) {
  int64_t number = 0;
  std::from_chars(exchange_order_id.data(), exchange_order_id.data() + exchange_order_id.size(), number);
  return number;
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
    order.exchange_id = NumberOf(std::string(rows.Text(row, "exchange_order_id")));
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

// Asks again, as long as it was not asked for lack of room within the venue's limits.
template <class Ask>
auto Patiently(SteadyTime until, const Ask& ask) {
  constexpr std::chrono::seconds kPause(2);
  auto answer = ask();
  while (!answer.ok() && answer.error().code == Errc::kExhausted && SystemClock().Steady() < until) {
    fiber::SleepFor(kPause);
    answer = ask();
  }
  return answer;
}

// Every page of one kind.
Result<std::vector<exchange::VenueOrder>> ReadPages(exchange::TradingVenue& venue, const std::string& symbol,
                                                    bool conditional, SteadyTime until) {
  std::vector<exchange::VenueOrder> all;
  for (int64_t from = 0;;) {
    QUANTUM_TRY(exchange::OrderPage page,
                Patiently(until, [&] { return venue.OrderHistory(symbol, from, conditional); }));
    std::move(page.orders.begin(), page.orders.end(), std::back_inserter(all));
    if (page.next_id == 0) {
      return all;
    }
    from = page.next_id;
  }
}

void KeepOldest(int64_t& from, int64_t number) { from = from == 0 ? number : std::min(from, number); }

Status ReadVenueOrders(exchange::TradingVenue& venue, const std::string& symbol, Ledger& ledger, SteadyTime until) {
  QUANTUM_TRY(const auto conditional, ReadPages(venue, symbol, true, until));
  QUANTUM_TRY(const auto plain, ReadPages(venue, symbol, false, until));
  std::map<std::string, const exchange::VenueOrder*> triggered;  // by the number of the order it spawned
  for (const exchange::VenueOrder& order : conditional) {
    if (order.report.status == trading::OrderStatus::kTriggered) {
      triggered[order.report.exchange_order_id] = &order;
      continue;  // the plain order speaks for it
    }
    if (trading::IsFinal(order.report.status)) {
      KeepOldest(ledger.algos_from, NumberOf(order.report.exchange_order_id));
    }
    ledger.orders[order.report.client_order_id] = RowOf(order);
  }
  for (const exchange::VenueOrder& order : plain) {
    if (trading::IsFinal(order.report.status)) {
      KeepOldest(ledger.orders_from, NumberOf(order.report.exchange_order_id));
    }
    const auto spawned_by = triggered.find(order.report.exchange_order_id);
    const bool spawned = spawned_by != triggered.end();
    auto& row = ledger.orders[spawned ? spawned_by->second->report.client_order_id : order.report.client_order_id];
    row = RowOf(order);
    row.conditional = spawned;
  }
  return {};
}

// Orders that came while the pages were read, and what is missing in truth.
Status ReadSingly(exchange::TradingVenue& venue, const Ledger& postgres, Ledger& ledger, SteadyTime until) {
  Ledger missing;
  for (const auto& [id, ours] : postgres.orders) {
    if (!ledger.orders.contains(id)) {
      missing.orders[id] = ours;
    }
  }
  RemoveBeyond(missing, ledger);
  size_t asked = 0;
  for (const auto& [id, ours] : missing.orders) {
    const bool never_sent = !ours.acknowledged && trading::IsFinal(ours.status);
    if (never_sent || ++asked > kAskedSinglyMax) {
      continue;
    }
    auto found =
        Patiently(until, [&, &id = id, &ours = ours] { return venue.Find(ours.symbol, id, ours.conditional); });
    if (found.ok()) {
      ledger.orders[id] = RowOf(found.value());
    } else if (found.error().code != Errc::kNotFound) {
      return found.error();
    }
  }
  return {};
}

Status ReadVenueFills(exchange::TradingVenue& venue, const std::string& symbol, Ledger& ledger, SteadyTime until) {
  for (int64_t from = 1;;) {
    QUANTUM_TRY(const std::vector<trading::Fill> fills,
                Patiently(until, [&] { return venue.FillsUnnamed(symbol, from); }));
    if (fills.empty()) {
      return {};
    }
    for (const trading::Fill& fill : fills) {
      ledger.fills[{symbol, fill.trade_id}] = fill;
    }
    ledger.fills_from.try_emplace(symbol, fills.front().trade_id);
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
    QUANTUM_TRY(const Rows funding,
                pool.Query("SELECT coalesce(sum(paid), 0) AS paid FROM funding_payments", {}, {.idempotent = true}));
    QUANTUM_TRY(const Decimal paid, NumberAt(funding, 0, "paid"));
    wallet -= paid;
    ledger.wallet = wallet;
  }
  return ledger;
}

Result<Ledger> ReadVenue(exchange::TradingVenue& venue, const Ledger& postgres,
                         const std::vector<std::string>& symbols) {
  Ledger ledger;
  const SteadyTime until = SystemClock().Steady() + kPatience;
  std::set<std::string> all(symbols.begin(), symbols.end());
  for (const auto& [id, order] : postgres.orders) {
    all.insert(order.symbol);
  }
  for (const std::string& symbol : all) {
    QUANTUM_CHECK(ReadVenueOrders(venue, symbol, ledger, until));
    QUANTUM_CHECK(ReadVenueFills(venue, symbol, ledger, until));
  }
  QUANTUM_CHECK(ReadSingly(venue, postgres, ledger, until));
  QUANTUM_TRY(const auto positions, Patiently(until, [&] { return venue.Positions(); }));
  for (const exchange::VenuePosition& position : positions) {
    if (position.quantity != Decimal()) {
      ledger.positions[position.symbol] = position.quantity;
    }
  }
  QUANTUM_TRY(const exchange::Account account, Patiently(until, [&] { return venue.GetAccount(); }));
  ledger.wallet = account.wallet_balance;
  return ledger;
}

}  // namespace quantum::operate
