#include <fmt/format.h>

#include <algorithm>

#include "services/execution/protection.h"
#include "tests/simulation_orders/audit.h"

// The end of a world: the ledger is the venue.
namespace quantum::orders_simulation {

using execution::Ledger;
using execution::Order;
using execution::Trade;
using trading::IsFinal;
using trading::Leg;
using trading::OrderStatus;

namespace {

// The money of a position to the last rounding: reports that overtake each other average the entry otherwise, and what
// is won and open together is the same.
Decimal Worth(const trading::Position& position) {
  return position.realized_pnl + position.quantity.Times(Decimal::FromInt(60000) - position.entry_price);
}

bool SameMoney(Decimal one, Decimal other) { return (one - other).Abs() < Decimal::FromRaw(1000); }

}  // namespace

void Audit::CheckOrderAtRest(const VenueModel::Entry& entry, const Ledger& ledger) {
  const trading::OrderReport& theirs = entry.order.report;
  const Order* ours = ledger.FindOrder(theirs.client_order_id);
  if (ours == nullptr) {
    const auto row = store_.orders().find(theirs.client_order_id);
    ours = row == store_.orders().end() ? nullptr : &row->second;  // over, and forgotten
  }
  if (ours == nullptr) {
    if (!IsFinal(theirs.status)) {
      Fail(fmt::format("order {} stands at the venue and nobody knows it", theirs.client_order_id));
    }
    return;
  }
  const bool over_alike = IsFinal(theirs.status) == IsFinal(ours->status);
  const bool filled_alike = (theirs.status == OrderStatus::kFilled) == (ours->status == OrderStatus::kFilled);
  if (!over_alike || !filled_alike || theirs.filled_quantity != ours->filled_quantity) {
    Fail(fmt::format("order {} ({} of {}) is {} with {} of {} at the venue and {} with {} of {} here",
                     theirs.client_order_id, ToString(ours->leg), ours->decision_id, ToString(theirs.status),
                     theirs.filled_quantity.ToString(), entry.order.quantity.ToString(), ToString(ours->status),
                     ours->filled_quantity.ToString(), ours->quantity.ToString()));
  }
  if (!IsFinal(theirs.status) && entry.order.quantity != ours->quantity) {
    Fail(fmt::format("order {} stands with {} and is known with {}", theirs.client_order_id,
                     entry.order.quantity.ToString(), ours->quantity.ToString()));
  }
}

// A stop for exactly what is open, no more and no less, and nothing for what is not.
void Audit::CheckProtection(const Trade& trade, const execution::Desk& desk) {
  const Ledger& ledger = desk.ledger;
  Decimal stops;
  for (const Order* order : ledger.OrdersOf(trade.trade_id)) {
    const auto standing = venue_.orders().find(order->client_order_id);
    if (standing == venue_.orders().end() || IsFinal(standing->second.order.report.status)) {
      continue;
    }
    if (order->leg == Leg::kStopLoss) {
      stops += standing->second.order.quantity - standing->second.order.report.filled_quantity;
    } else if (trading::IsProtective(order->leg) && trade.position.is_flat()) {
      Fail(fmt::format("order {} guards a trade that is flat", order->client_order_id));
    }
  }
  if (stops != trade.open_quantity()) {
    Fail(fmt::format("trade {} holds {} and its stops stand for {}", trade.trade_id, trade.open_quantity().ToString(),
                     stops.ToString()));
  }
  const auto plan = execution::PlanProtection({.trade = trade,
                                               .orders = ledger.OrdersOf(trade.trade_id),
                                               .now = desk.Now(),
                                               .closing = ledger.Closing(trade.symbol),
                                               .step = desk.RulesOf(trade.symbol)->step_size,
                                               .busy = [](const Order&) { return false; }},
                                              desk.settings.protection);
  if (!plan.is_protected || plan.stop || !plan.exits.empty() || !plan.cancel.empty() || !plan.discard.empty() ||
      !plan.close_reason.empty()) {
    Fail(fmt::format("trade {} is not guarded as planned: protected {}, stop {}, exits {}, cancels {}, discards {}, {}",
                     trade.trade_id, plan.is_protected, plan.stop.has_value(), plan.exits.size(), plan.cancel.size(),
                     plan.discard.size(), plan.close_reason));
  }
}

void Audit::CheckStoreAtRest(const Ledger& ledger) {
  for (const auto& [id, row] : store_.orders()) {
    const Order* ours = ledger.FindOrder(id);
    if (ours != nullptr && (ours->status != row.status || ours->filled_quantity != row.filled_quantity ||
                            ours->quantity != row.quantity || ours->version != row.version)) {
      Fail(fmt::format("order {} is written as {}, version {}, and known as {}, version {}", id, ToString(row.status),
                       row.version, ToString(ours->status), ours->version));
    }
    const auto trade = store_.trades().find(row.decision_id);
    // Protection waits for its trade's fills, and may not be needed while it is open.
    const bool waits =
        trade != store_.trades().end() && !IsDone(trade->second.status) && trading::IsProtective(row.leg);
    if (row.status == OrderStatus::kUnknown || (row.status == OrderStatus::kIntent && !waits)) {
      Fail(fmt::format("order {} ({} of {}) is {} for ever", id, ToString(row.leg), row.decision_id,
                       ToString(row.status)));
    }
  }
  if (store_.fills().size() != venue_.fills().size()) {
    Fail(fmt::format("{} fills are written and {} were made", store_.fills().size(), venue_.fills().size()));
  }
}

std::string Audit::AtRest(const execution::Desk& desk) {
  const std::string before = std::exchange(trouble_, {});
  const Ledger& ledger = desk.ledger;
  for (const auto& [symbol, theirs] : venue_.positions()) {
    const trading::Position& ours = ledger.PositionOf(symbol);
    if (ours.quantity != theirs.quantity || ours.fees != theirs.fees || !SameMoney(Worth(ours), Worth(theirs))) {
      Fail(fmt::format("{} is {} (fees {}, worth {}) at the venue and {} ({}, {}) here", symbol,
                       theirs.quantity.ToString(), theirs.fees.ToString(), Worth(theirs).ToString(),
                       ours.quantity.ToString(), ours.fees.ToString(), Worth(ours).ToString()));
    }
  }
  for (const auto& [id, entry] : venue_.orders()) {
    CheckOrderAtRest(entry, ledger);
  }
  std::set<std::string> trades;
  for (const Trade* trade : ledger.ActiveTrades()) {
    trades.insert(trade->trade_id);
  }
  for (const auto& [id, trade] : store_.trades()) {
    trades.insert(id);
  }
  for (const std::string& id : trades) {
    if (const Trade* ours = ledger.FindTrade(id)) {
      CheckProtection(*ours, desk);
    }
  }
  CheckStoreAtRest(ledger);
  return std::exchange(trouble_, before);
}

}  // namespace quantum::orders_simulation
