#include "tests/simulation_orders/store.h"

#include <algorithm>

namespace quantum::orders_simulation {

using execution::ChangeSet;
using execution::LedgerSnapshot;
using execution::Order;
using execution::Trade;
using trading::Decimal;
using trading::OrderStatus;

void Store::Insert(const execution::Plan& plan) {
  for (const Order& order : plan.orders) {
    orders_.try_emplace(order.client_order_id, order);
  }
  if (plan.trade) {
    trades_.try_emplace(plan.trade->trade_id, *plan.trade);
  }
}

void Store::Write(const ChangeSet& changes) {
  for (const Order& order : changes.orders) {
    const auto [row, fresh] = orders_.try_emplace(order.client_order_id, order);
    if (fresh || row->second.version >= order.version) {
      continue;
    }
    // What the update leaves alone: what an order is made of.
    Order updated = row->second;
    updated.exchange_order_id = order.exchange_order_id;
    updated.quantity = order.quantity;
    updated.status = order.status;
    updated.filled_quantity = order.filled_quantity;
    updated.average_price = order.average_price;
    updated.fee = order.fee;
    updated.version = order.version;
    updated.reason = order.reason;
    updated.updated = order.updated;
    row->second = updated;
  }
  for (const trading::Fill& fill : changes.fills) {
    fills_.try_emplace({fill.symbol, fill.trade_id}, fill);
  }
  for (const exchange::FundingPayment& payment : changes.funding) {
    funding_.try_emplace({payment.symbol, payment.id}, payment);
  }
  for (const execution::PositionRow& row : changes.positions) {
    positions_[row.position.symbol] = row;
  }
  for (const Trade& trade : changes.trades) {
    trades_[trade.trade_id] = trade;
  }
  for (const auto& [symbol, trade_id] : changes.cursors) {
    cursors_[symbol] = std::max(cursors_[symbol], trade_id);
  }
}

LedgerSnapshot Store::Load() const {
  LedgerSnapshot snapshot;
  std::map<std::string, std::pair<Decimal, Decimal>> filled;  // quantity and notional, by order
  for (const auto& [key, fill] : fills_) {
    auto& [quantity, notional] = filled[fill.client_order_id];
    quantity += fill.quantity;
    notional += fill.price.Times(fill.quantity);
    const auto cursor = cursors_.find(fill.symbol);
    if ((cursor == cursors_.end() || fill.trade_id > cursor->second) && !forgets_fills) {
      snapshot.fills_beyond_cursor.emplace_back(fill.symbol, fill.trade_id);
    }
  }
  std::map<std::string, bool> with_open_orders;
  const auto is_over = [](const Order& order) { return trading::IsFinal(order.status); };
  for (const auto& [id, order] : orders_) {
    with_open_orders[order.decision_id] |= !is_over(order);
  }
  for (const auto& [id, trade] : trades_) {
    if (!IsDone(trade.status) || with_open_orders[id]) {
      snapshot.trades.push_back(trade);
    }
  }
  for (const auto& [id, order] : orders_) {
    const auto trade = trades_.find(order.decision_id);
    const bool of_active = trade != trades_.end() && !IsDone(trade->second.status);
    const auto& [quantity, notional] = filled[id];
    if (!is_over(order) || of_active || order.filled_quantity > quantity) {
      snapshot.orders.push_back({order, quantity, notional});
    }
  }
  std::ranges::stable_sort(snapshot.orders, {}, [](const LedgerSnapshot::Tracked& one) {
    return std::pair(one.order.created, one.order.version);
  });
  for (const auto& [symbol, row] : positions_) {
    snapshot.positions.push_back(row);
  }
  snapshot.cursors = cursors_;
  for (const auto& [key, payment] : funding_) {
    snapshot.funding.push_back(payment);
  }
  return snapshot;
}

}  // namespace quantum::orders_simulation
