#include "services/execution/ledger.h"

#include <algorithm>

#include "services/execution/ledger_step.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using trading::IsFinal;
using trading::OrderReport;
using trading::OrderStatus;

// A settlement takes the venue some seconds, symbol by symbol.
constexpr Duration kFundingLate = std::chrono::hours(1);

bool IsLiveStatus(OrderStatus status) { return status == OrderStatus::kNew || status == OrderStatus::kPartiallyFilled; }

}  // namespace

void Ledger::Restore(LedgerSnapshot snapshot, WallTime now) {
  // An account may have paid funding long before the platform knew it: only what our trades met is ours.
  funding_floor_ = now;
  for (const Trade& trade : snapshot.trades) {
    if (!IsDone(trade.status)) {
      funding_floor_ = std::min(funding_floor_, trade.created);
    }
  }
  for (const exchange::FundingPayment& payment : snapshot.funding) {
    funding_booked_[{payment.symbol, payment.id}] = payment.time;
    funding_newest_ = std::max(funding_newest_, payment.time);
  }
  if (!snapshot.funding.empty()) {
    funding_floor_ = funding_newest_ - kFundingLate;
  }
  for (auto& tracked : snapshot.orders) {
    Track({std::move(tracked.order), tracked.fills_quantity, tracked.fills_notional});
  }
  for (Trade& trade : snapshot.trades) {
    Trade& kept = trades_[trade.trade_id];
    kept = std::move(trade);
    Index(kept);
  }
  for (PositionRow& row : snapshot.positions) {
    accounts_[row.position.symbol].row = row;
  }
  for (const auto& [symbol, cursor] : snapshot.cursors) {
    accounts_[symbol].cursor = cursor;
    accounts_[symbol].row.position.symbol = symbol;
  }
  for (const auto& [symbol, trade_id] : snapshot.fills_beyond_cursor) {
    accounts_[symbol].beyond.insert(trade_id);
  }
}

void Ledger::Adopt(const Plan& plan) {
  for (const Order& order : plan.orders) {
    Track({order, {}, {}});
  }
  if (plan.trade) {
    Index(trades_.try_emplace(plan.trade->trade_id, *plan.trade).first->second);
  }
}

bool Ledger::Track(Tracked tracked) {
  const std::string id = tracked.order.client_order_id;
  const auto [place, fresh] = orders_.try_emplace(id, std::move(tracked));
  if (fresh) {
    orders_of_[place->second.order.decision_id].push_back(&place->second);
    Index(place->second);
  }
  return fresh;
}

void Ledger::Index(Tracked& tracked) {
  const Order& order = tracked.order;
  const bool triggered = order.status == OrderStatus::kTriggered && order.filled_quantity < order.quantity;
  if (!IsFinal(order.status) || triggered || order.filled_quantity > tracked.fills_quantity) {
    open_.emplace(order.client_order_id, &tracked);
  } else {
    open_.erase(order.client_order_id);
  }
}

void Ledger::Index(Trade& trade) {
  if (!IsDone(trade.status) || !trade.position.is_flat()) {
    active_.emplace(trade.trade_id, &trade);
  } else {
    active_.erase(trade.trade_id);
  }
}

const std::vector<Ledger::Tracked*>& Ledger::TrackedOf(const std::string& trade_id) const {
  static const std::vector<Tracked*> kNone;
  const auto found = orders_of_.find(trade_id);
  return found == orders_of_.end() ? kNone : found->second;
}

WallTime Ledger::funding_from() const {
  return funding_newest_ == WallTime{} ? funding_floor_ : std::max(funding_floor_, funding_newest_ - kFundingLate);
}

ChangeSet Ledger::Add(Order order) {
  Step step;
  const std::string id = order.client_order_id;
  if (Trade* trade = TradeOf(order);
      trade != nullptr && (order.leg == Leg::kStopLoss || order.leg == Leg::kTakeProfit)) {
    (order.leg == Leg::kStopLoss ? trade->stop_order_id : trade->take_profit_order_id) = id;
    step.trades.insert(trade->trade_id);
  }
  const WallTime now = order.created;
  const bool fresh = Track({std::move(order), {}, {}});
  QUANTUM_ASSERT(fresh);
  step.silent_orders.insert(id);
  return Finish(step, now);
}

ChangeSet Ledger::Resize(const std::string& client_order_id, Decimal quantity, WallTime now) {
  Order& order = orders_.at(client_order_id).order;
  QUANTUM_ASSERT(order.status == OrderStatus::kIntent && order.reduce_only);
  Step step;
  if (order.quantity != quantity) {
    order.quantity = quantity;
    order.updated = now;
    ++order.version;
    step.silent_orders.insert(client_order_id);
  }
  return Finish(step, now);
}

ChangeSet Ledger::TakeTerms(const std::string& client_order_id, Decimal quantity, Decimal trigger_price, WallTime now) {
  Step step;
  const auto found = orders_.find(client_order_id);
  if (found == orders_.end() || IsFinal(found->second.order.status)) {
    return {};
  }
  Order& order = found->second.order;
  order.quantity = quantity;
  order.trigger_price = trigger_price;
  order.updated = now;
  ++order.version;
  step.silent_orders.insert(client_order_id);
  step.stops.insert(order.symbol);
  return Finish(step, now);
}

Result<ChangeSet> Ledger::ApplyReport(const OrderReport& report, WallTime now) {
  Step step;
  const auto found = orders_.find(report.client_order_id);
  if (found != orders_.end()) {
    Order updated = found->second.order;
    if (updated.reduce_only && report.status == OrderStatus::kFilled && report.filled_quantity.is_positive() &&
        report.filled_quantity < updated.quantity) {
      updated.quantity = report.filled_quantity;  // the venue cut a reduce-only order to the position
    }
    QUANTUM_TRY(const trading::Change change, trading::Apply(updated, report));
    if (trading::IsConditional(updated.type) && updated.exchange_order_id != report.exchange_order_id &&
        report.filled_quantity.is_positive() && !report.exchange_order_id.empty()) {
      updated.exchange_order_id = report.exchange_order_id;  // of the order it spawned: its fills carry that number
    }
    if (updated.status == OrderStatus::kTriggered && updated.filled_quantity == updated.quantity) {
      updated.status = OrderStatus::kFilled;
    }
    if (change != trading::Change::kNone || updated.status != found->second.order.status) {
      updated.updated = now;
      updated.version = found->second.order.version + 1;
      found->second.order = std::move(updated);
      step.orders.insert(report.client_order_id);
      step.stops.insert(report.symbol);
      if (Trade* trade = TradeOf(found->second.order)) {
        if (found->second.order.leg == Leg::kEntry && trade->exchange_order_id.empty()) {
          trade->exchange_order_id = found->second.order.exchange_order_id;
          step.trades.insert(trade->trade_id);
        }
        SettleTrade(step, *trade, now);
      }
    }
  }
  if (report.fill) {
    ApplyFillTo(step, *report.fill, now);
  }
  return Finish(step, now);
}

ChangeSet Ledger::ApplyFill(const trading::Fill& fill, WallTime now) {
  Step step;
  ApplyFillTo(step, fill, now);
  return Finish(step, now);
}

ChangeSet Ledger::SetStatus(const std::string& client_order_id, OrderStatus status, std::string reason, bool live,
                            WallTime now) {
  Step step;
  const auto found = orders_.find(client_order_id);
  if (found == orders_.end()) {
    return {};
  }
  Order& order = found->second.order;
  const bool unsettled = order.status == OrderStatus::kIntent || order.status == OrderStatus::kUnknown;
  if (order.status == status || !(unsettled || (live && IsLiveStatus(order.status)))) {
    return {};  // the exchange has said more in the meantime
  }
  order.status = status;
  order.reason = std::move(reason);
  order.updated = now;
  ++order.version;
  step.orders.insert(client_order_id);
  step.stops.insert(order.symbol);
  if (Trade* trade = TradeOf(order)) {
    if (order.leg == Leg::kEntry && status == OrderStatus::kRejected && trade->close_reason.empty()) {
      trade->close_reason = order.reason.substr(0, 200);
    }
    SettleTrade(step, *trade, now);
  }
  return Finish(step, now);
}

ChangeSet Ledger::MarkUnknown(const std::string& client_order_id, std::string reason, WallTime now) {
  const Order* order = FindOrder(client_order_id);
  if (order == nullptr || order->status != OrderStatus::kIntent) {
    return {};
  }
  return SetStatus(client_order_id, OrderStatus::kUnknown, std::move(reason), false, now);
}

ChangeSet Ledger::MarkRejected(const std::string& client_order_id, std::string reason, WallTime now) {
  return SetStatus(client_order_id, OrderStatus::kRejected, std::move(reason), false, now);
}

ChangeSet Ledger::MarkGone(const std::string& client_order_id, std::string reason, WallTime now) {
  return SetStatus(client_order_id, OrderStatus::kCanceled, std::move(reason), true, now);
}

ChangeSet Ledger::Discard(const std::string& client_order_id, std::string reason, WallTime now) {
  const Order* order = FindOrder(client_order_id);
  if (order == nullptr || order->status != OrderStatus::kIntent) {
    return {};
  }
  ChangeSet changes = SetStatus(client_order_id, OrderStatus::kCanceled, std::move(reason), false, now);
  if (trading::IsProtective(order->leg)) {
    std::erase_if(changes.events, [](const bus::Event& event) {
      return event.type == trading::event::kOrderCanceled;  // never placed, so nothing was cancelled
    });
  }
  return changes;
}

ChangeSet Ledger::AdvanceCursor(const std::string& symbol, int64_t trade_id) {
  Account& account = accounts_[symbol];
  account.row.position.symbol = symbol;
  if (trade_id <= account.cursor) {
    return {};
  }
  account.cursor = trade_id;
  account.beyond.erase(account.beyond.begin(), account.beyond.upper_bound(trade_id));
  ChangeSet changes;
  changes.cursors[symbol] = trade_id;
  return changes;
}

void Ledger::Purge(WallTime before) {
  // Only what is asked for again can come again.
  std::erase_if(funding_booked_, [&](const auto& entry) { return entry.second < funding_from(); });
  std::set<std::string> with_orders;  // that are live still, and are taken down through their trade
  for (const auto& [id, tracked] : open_) {
    if (!IsFinal(tracked->order.status)) {
      with_orders.insert(tracked->order.decision_id);
    }
  }
  std::erase_if(trades_, [&](const auto& entry) {
    const bool forgotten =
        IsDone(entry.second.status) && entry.second.updated < before && !with_orders.contains(entry.first);
    if (forgotten) {
      active_.erase(entry.first);
    }
    return forgotten;
  });
  const auto is_forgotten = [&](const Order& order) {
    return IsFinal(order.status) && order.updated < before && !trades_.contains(order.decision_id);
  };
  std::erase_if(open_, [&](const auto& entry) { return is_forgotten(entry.second->order); });
  for (auto& [decision, tracked] : orders_of_) {
    std::erase_if(tracked, [&](const Tracked* one) { return is_forgotten(one->order); });
  }
  std::erase_if(orders_of_, [](const auto& entry) { return entry.second.empty(); });
  std::erase_if(orders_, [&](const auto& entry) { return is_forgotten(entry.second.order); });
}

const Order* Ledger::FindOrder(const std::string& client_order_id) const {
  const auto found = orders_.find(client_order_id);
  return found == orders_.end() ? nullptr : &found->second.order;
}

const Trade* Ledger::FindTrade(const std::string& trade_id) const {
  const auto found = trades_.find(trade_id);
  return found == trades_.end() ? nullptr : &found->second;
}

std::vector<const Order*> Ledger::OrdersOf(const std::string& trade_id) const {
  std::vector<const Order*> orders;
  for (const Tracked* one : TrackedOf(trade_id)) {
    orders.push_back(&one->order);
  }
  return orders;
}

std::vector<const Trade*> Ledger::ActiveTrades(std::string_view symbol) const {
  std::vector<const Trade*> active;
  for (const auto& [id, trade] : active_) {
    if (!IsDone(trade->status) && (symbol.empty() || trade->symbol == symbol)) {
      active.push_back(trade);
    }
  }
  std::ranges::stable_sort(active, {}, [](const Trade* trade) { return trade->created; });
  return active;
}

std::vector<const Trade*> Ledger::TradesToGuard(const std::string& symbol) const {
  std::vector<const Trade*> guarded = ActiveTrades(symbol);
  std::set<std::string> ended;
  for (const auto& [id, tracked] : open_) {
    const Order& order = tracked->order;
    if (order.symbol == symbol && order.leg != Leg::kClose && !IsFinal(order.status)) {
      ended.insert(order.decision_id);
    }
  }
  for (const std::string& id : ended) {
    if (const Trade* trade = FindTrade(id); trade != nullptr && IsDone(trade->status)) {
      guarded.push_back(trade);
    }
  }
  return guarded;
}

std::vector<const Order*> Ledger::OrdersWith(OrderStatus status) const {
  QUANTUM_ASSERT(!IsFinal(status));
  std::vector<const Order*> found;
  for (const auto& [id, tracked] : open_) {
    if (tracked->order.status == status) {
      found.push_back(&tracked->order);
    }
  }
  return found;
}

std::vector<const Order*> Ledger::LiveOrders() const {
  std::vector<const Order*> live;
  for (const auto& [id, tracked] : open_) {
    const Order& order = tracked->order;
    if (IsLiveStatus(order.status) ||
        (order.status == OrderStatus::kTriggered && order.filled_quantity < order.quantity)) {
      live.push_back(&order);
    }
  }
  return live;
}

const trading::Position& Ledger::PositionOf(const std::string& symbol) const {
  static const trading::Position kFlat;
  const auto found = accounts_.find(symbol);
  return found == accounts_.end() ? kFlat : found->second.row.position;
}

std::vector<PositionRow> Ledger::OpenPositions() const {
  std::vector<PositionRow> open;
  for (const auto& [symbol, account] : accounts_) {
    if (!account.row.position.is_flat()) {
      open.push_back(account.row);
    }
  }
  return open;
}

std::vector<std::string> Ledger::Symbols() const {
  std::set<std::string> symbols;
  for (const Trade* trade : ActiveTrades()) {
    symbols.insert(trade->symbol);
  }
  for (const PositionRow& row : OpenPositions()) {
    symbols.insert(row.position.symbol);
  }
  for (const auto& [id, tracked] : open_) {
    if (!IsFinal(tracked->order.status)) {
      symbols.insert(tracked->order.symbol);  // it may guard a trade that has ended
    }
  }
  return {symbols.begin(), symbols.end()};
}

int64_t Ledger::Cursor(const std::string& symbol) const {
  const auto found = accounts_.find(symbol);
  return found == accounts_.end() ? 0 : found->second.cursor;
}

uint64_t Ledger::LastBooking(const std::string& symbol) const {
  const auto found = accounts_.find(symbol);
  return found == accounts_.end() ? 0 : found->second.last_booking;
}

bool Ledger::HasOrdersOf(const std::string& symbol) const {
  return std::ranges::any_of(orders_, [&](const auto& entry) { return entry.second.order.symbol == symbol; });
}

bool Ledger::LacksFills(const std::string& symbol) const {
  return std::ranges::any_of(open_, [&](const auto& entry) {
    const Tracked& tracked = *entry.second;
    return tracked.order.symbol == symbol && tracked.order.filled_quantity > tracked.fills_quantity;
  });
}

bool Ledger::AwaitsExitFills(const std::string& symbol) const {
  return std::ranges::any_of(open_, [&](const auto& entry) {
    const Tracked& tracked = *entry.second;
    return tracked.order.symbol == symbol && tracked.order.leg != Leg::kEntry &&
           tracked.order.filled_quantity > tracked.fills_quantity;
  });
}

Decimal Ledger::Closing(const std::string& symbol) const {
  Decimal closing;
  for (const auto& [id, tracked] : open_) {
    const Order& order = tracked->order;
    if (order.symbol == symbol && order.leg == Leg::kClose) {
      const Decimal expected = IsFinal(order.status) ? order.filled_quantity : order.quantity;
      closing += std::max(Decimal(), expected - tracked->fills_quantity);
    }
  }
  return closing;
}

bool Ledger::IsCovered(const Trade& trade) const {
  if (trade.position.is_flat()) {
    return true;
  }
  return std::ranges::any_of(TrackedOf(trade.trade_id), [&](const Tracked* one) {
    const Order& order = one->order;
    return order.leg == Leg::kStopLoss && IsLiveStatus(order.status) &&
           order.quantity - order.filled_quantity >= trade.open_quantity();
  });
}

bool Ledger::IsProtected(const std::string& symbol) const {
  return std::ranges::all_of(active_, [&](const auto& entry) {
    const Trade& trade = *entry.second;
    return trade.position.is_flat() || trade.symbol != symbol || IsCovered(trade);
  });
}

}  // namespace quantum::execution
