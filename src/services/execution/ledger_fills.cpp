#include <fmt/format.h>

#include <algorithm>

#include "services/execution/ledger.h"
#include "services/execution/ledger_step.h"
#include "trading/events.h"
#include "trading/liquidation.h"

// How fills move orders, trades and positions, and what is said of it.
namespace quantum::execution {
namespace {

namespace event = trading::event;
using trading::Fill;
using trading::OrderStatus;
using trading::Rounding;

std::string_view EventTypeOf(OrderStatus status) {
  switch (status) {
    case OrderStatus::kIntent:
    case OrderStatus::kTriggered:
      return {};  // nothing that the outside was told of; a triggered order's fills follow
    case OrderStatus::kUnknown:
      return event::kOrderUnknown;
    case OrderStatus::kNew:
      return event::kOrderPlaced;
    case OrderStatus::kPartiallyFilled:
      return event::kOrderPartiallyFilled;
    case OrderStatus::kFilled:
      return event::kOrderFilled;
    case OrderStatus::kCanceled:
    case OrderStatus::kExpired:
      return event::kOrderCanceled;
    case OrderStatus::kRejected:
      return event::kOrderFailed;
  }
  AssertionFailed("every status has its event", __FILE__, __LINE__);
}

// Stays in order with everything else of its symbol.
bus::Event MakeEvent(std::string_view type, const std::string& symbol, std::string payload,
                     const std::string& correlation_id) {
  bus::Event made;
  made.type = std::string(type);
  made.key = symbol;
  made.payload = std::move(payload);
  made.correlation_id = correlation_id;
  return made;
}

event::OrderUpdate ToEvent(const Order& order) {
  event::OrderUpdate update;
  update.client_order_id = order.client_order_id;
  update.exchange_order_id = order.exchange_order_id;
  update.decision_id = order.decision_id;
  update.symbol = order.symbol;
  update.leg = order.leg;
  update.side = order.side;
  update.order_type = order.type;
  update.status = order.status;
  update.quantity = order.quantity;
  update.filled_quantity = order.filled_quantity;
  update.average_price = order.average_price;
  update.fee = order.fee;
  update.reduce_only = order.reduce_only;
  update.order_version = order.version;
  update.reason = order.reason;
  update.time = ToUnixMs(order.updated);
  return update;
}

event::PositionUpdate ToEvent(const PositionRow& row) {
  event::PositionUpdate update;
  update.symbol = row.position.symbol;
  update.quantity = row.position.quantity;
  update.entry_price = row.position.entry_price;
  update.is_protected = row.is_protected;
  update.realized_pnl = row.position.realized_pnl;
  update.fees = row.position.fees;
  update.funding = row.position.funding;
  update.time = ToUnixMs(row.updated);
  return update;
}

std::string_view ReasonOf(const Fill& fill, const Order* order) {
  if (order == nullptr) {
    return trading::IsLiquidation(fill.client_order_id) ? kByLiquidation : kByHand;
  }
  switch (order->leg) {
    case Leg::kStopLoss:
      return kByStopLoss;
    case Leg::kTakeProfit:
      return kByTakeProfit;
    case Leg::kTrailingStop:
      return kByTrailingStop;
    case Leg::kClose:
      return order->reason.empty() ? kBySignal : std::string_view(order->reason);
    case Leg::kEntry:
      return kBySignal;
  }
  AssertionFailed("every leg has its reason", __FILE__, __LINE__);
}

}  // namespace

std::optional<bus::Event> OrderEvent(const Order& order) {
  const std::string_view type = EventTypeOf(order.status);
  if (type.empty()) {
    return std::nullopt;
  }
  return MakeEvent(type, order.symbol, event::ToJson(ToEvent(order)), order.correlation_id);
}

bool Ledger::Owns(const Fill& fill) { return Knows(fill) || OwnerOf(fill) != nullptr; }

bool Ledger::Knows(const Fill& fill) const {
  const auto found = accounts_.find(fill.symbol);
  return found != accounts_.end() &&
         (fill.trade_id <= found->second.cursor || found->second.beyond.contains(fill.trade_id));
}

Ledger::Tracked* Ledger::OwnerOf(const Fill& fill) {
  if (const auto found = orders_.find(fill.client_order_id); found != orders_.end()) {
    return &found->second;
  }
  // A triggered conditional order fills under the order it spawned.
  Tracked* triggered = nullptr;
  for (auto& [id, tracked] : orders_) {
    const Order& order = tracked.order;
    if (order.symbol != fill.symbol || order.side != fill.side) {
      continue;
    }
    // Conditional orders are numbered apart from those that they spawn.
    const bool same_numbering = !trading::IsConditional(order.type) || order.status == OrderStatus::kTriggered ||
                                order.status == OrderStatus::kPartiallyFilled || order.status == OrderStatus::kFilled;
    if (same_numbering && !fill.exchange_order_id.empty() && order.exchange_order_id == fill.exchange_order_id) {
      return &tracked;
    }
    if (order.status == OrderStatus::kTriggered && tracked.fills_quantity + fill.quantity <= order.quantity) {
      triggered = &tracked;
    }
  }
  return triggered;
}

Trade* Ledger::TradeOf(const Order& order) {
  const auto found = trades_.find(order.decision_id);
  return found == trades_.end() ? nullptr : &found->second;
}

void Ledger::ApplyFillTo(Step& step, const Fill& fill, WallTime now) {
  Account& account = accounts_[fill.symbol];
  account.row.position.symbol = fill.symbol;
  if (fill.trade_id <= account.cursor || !account.beyond.insert(fill.trade_id).second) {
    return;  // counted already
  }
  account.last_booking = ++bookings_;
  Tracked* owner = OwnerOf(fill);
  Fill row = fill;
  if (owner != nullptr) {
    row.client_order_id = owner->order.client_order_id;
    AdvanceByFills(*owner, fill, now);
    step.orders.insert(owner->order.client_order_id);
  }
  step.fills.push_back(std::move(row));
  trading::Apply(account.row.position, fill.side, fill.quantity, fill.price, fill.fee);
  step.positions.insert(fill.symbol);
  Allocate(step, fill, owner == nullptr ? nullptr : &owner->order,
           ReasonOf(fill, owner == nullptr ? nullptr : &owner->order), now);
}

void Ledger::AdvanceByFills(Tracked& tracked, const Fill& fill, WallTime now) {
  tracked.fills_quantity += fill.quantity;
  tracked.fills_notional += fill.price.Times(fill.quantity);
  Order& order = tracked.order;
  order.fee += fill.fee;
  order.updated = now;
  ++order.version;
  if (tracked.fills_quantity <= order.filled_quantity || tracked.fills_quantity > order.quantity) {
    return;  // the report came before; or more than was ordered: the position counts it, reconciliation raises it
  }
  order.filled_quantity = tracked.fills_quantity;
  order.average_price = tracked.fills_notional.DividedBy(tracked.fills_quantity);
  // An earlier process may have made it larger before it sent it, and died before that was written: the venue is asked.
  const bool may_be_more = trading::IsProtective(order.leg) &&
                           (order.status == OrderStatus::kIntent || order.status == OrderStatus::kUnknown);
  if (order.filled_quantity == order.quantity && !may_be_more) {
    order.status = OrderStatus::kFilled;
  } else if (!trading::IsFinal(order.status)) {
    order.status = OrderStatus::kPartiallyFilled;
  }
  if (order.exchange_order_id.empty() || trading::IsConditional(order.type)) {
    order.exchange_order_id = fill.exchange_order_id;
  }
}

void Ledger::Allocate(Step& step, const Fill& fill, const Order* order, std::string_view reason, WallTime now) {
  Trade* own = order == nullptr ? nullptr : TradeOf(*order);
  if (own != nullptr && order->leg == Leg::kEntry) {
    const bool first = own->entry_quantity.is_zero();
    Enter(*own, fill.quantity, fill.price, fill.fee, fill.time);
    Index(*own);
    if (first) {
      own->exchange_order_id = order->exchange_order_id;
      step.opened.push_back(own->trade_id);
    }
    step.trades.insert(own->trade_id);
    NetOpposites(step, fill, now);
    SettleTrade(step, *own, now);
    return;
  }
  // An exit: the order's own trade first, then the oldest.
  std::vector<Trade*> candidates;
  for (const auto& [id, trade] : active_) {
    if (trade->symbol == fill.symbol && trade->side != fill.side && !trade->position.is_flat()) {
      candidates.push_back(trade);
    }
  }
  std::ranges::stable_sort(candidates, [&](const Trade* a, const Trade* b) {
    return std::pair(a != own, a->created) < std::pair(b != own, b->created);
  });
  Decimal rest = fill.quantity;
  Decimal fee_rest = fill.fee;
  for (Trade* trade : candidates) {
    if (rest.is_zero()) {
      break;
    }
    const Decimal part = std::min(rest, trade->open_quantity());
    const Decimal fee = part == rest ? fee_rest : fill.fee.Times(part).DividedBy(fill.quantity);
    Exit(*trade, part, fill.price, fee, fill.time, reason);
    rest -= part;
    fee_rest -= fee;
    step.trades.insert(trade->trade_id);
    SettleTrade(step, *trade, now);
  }
  if (rest.is_positive()) {
    Trade& adopted = AdoptTrade(fill, now);
    Enter(adopted, rest, fill.price, fee_rest, fill.time);
    step.trades.insert(adopted.trade_id);
    step.opened.push_back(adopted.trade_id);
  }
}

// Entries of both sides can fill one after the other, each allowed while the other was still resting. The venue holds
// one net position, so the fill of the later one is an exit of the earlier: kept apart, two trades would each have a
// stop with nothing behind it, which a later position would be closed by.
void Ledger::NetOpposites(Step& step, const Fill& fill, WallTime now) {
  while (true) {
    Trade* bought = nullptr;  // the oldest of each side
    Trade* sold = nullptr;
    for (const auto& [id, trade] : active_) {
      if (!trade->position.is_flat() && trade->symbol == fill.symbol) {
        Trade*& oldest = trade->side == Side::kBuy ? bought : sold;
        oldest = oldest == nullptr || trade->created < oldest->created ? trade : oldest;
      }
    }
    if (bought == nullptr || sold == nullptr) {
      return;
    }
    const Decimal part = std::min(bought->open_quantity(), sold->open_quantity());
    for (Trade* trade : {bought, sold}) {
      Exit(*trade, part, fill.price, Decimal(), fill.time, kByNetting);
      step.trades.insert(trade->trade_id);
      SettleTrade(step, *trade, now);
    }
  }
}

// What is open and explained by no decision is a trade as well: it needs its stop and its row.
Trade& Ledger::AdoptTrade(const Fill& fill, WallTime now) {
  Trade trade;
  trade.trade_id = fmt::format("adopted-{}-{}", fill.symbol,
                               fill.trade_id != 0 ? fmt::to_string(fill.trade_id) : fmt::format("t{}", ToUnixMs(now)));
  trade.symbol = fill.symbol;
  trade.position.symbol = fill.symbol;
  trade.side = fill.side;
  trade.planned_quantity = fill.quantity;
  trade.strategy = "adopted";
  trade.created = now;
  trade.updated = now;
  const bool buying = fill.side == Side::kBuy;
  const double factor = 1.0 + (buying ? -1.0 : 1.0) * options_.default_stop_percent / 100.0;
  trade.stop_loss = fill.price.Times(Decimal::FromDouble(factor));
  if (const auto rules = rules_.find(fill.symbol); rules != rules_.end()) {
    trade.stop_loss = trade.stop_loss->RoundTo(rules->second.tick_size, buying ? Rounding::kUp : Rounding::kDown);
  }
  Trade& adopted = trades_.insert_or_assign(trade.trade_id, std::move(trade)).first->second;
  Index(adopted);
  return adopted;
}

void Ledger::SettleTrade(Step& step, Trade& trade, WallTime now) {
  OrderStatus entry_status = OrderStatus::kFilled;  // of an adopted trade
  const std::vector<Tracked*>& orders = TrackedOf(trade.trade_id);
  const auto entry = std::ranges::find(orders, Leg::kEntry, [](const Tracked* one) { return one->order.leg; });
  if (entry != orders.end()) {
    if ((*entry)->order.filled_quantity > (*entry)->fills_quantity) {
      return;  // fills are still to come
    }
    entry_status = (*entry)->order.status;
  }
  if (!Settle(trade, entry_status, now)) {
    return;
  }
  step.trades.insert(trade.trade_id);
  step.ended.push_back(trade.trade_id);
  if (trade.status == TradeStatus::kClosed) {
    return;  // its protection is taken down at the venue first
  }
  for (Tracked* tracked : orders) {
    Order& order = tracked->order;
    if (order.status == OrderStatus::kIntent && order.leg != Leg::kClose) {
      order.status = OrderStatus::kCanceled;
      order.reason = "never sent: the entry did not fill";
      order.updated = now;
      ++order.version;
      step.silent_orders.insert(order.client_order_id);
    }
  }
}

ChangeSet Ledger::ApplyFunding(const exchange::FundingPayment& payment, WallTime now) {
  Step step;
  if (payment.time < funding_floor_ ||
      !funding_booked_.try_emplace({payment.symbol, payment.id}, payment.time).second) {
    return {};
  }
  funding_newest_ = std::max(funding_newest_, payment.time);
  Account& account = accounts_[payment.symbol];
  account.row.position.symbol = payment.symbol;
  account.row.position.funding += payment.paid;
  step.funding.push_back(payment);
  step.positions.insert(payment.symbol);
  ShareFunding(step, payment);
  return Finish(step, now);
}

void Ledger::ShareFunding(Step& step, const exchange::FundingPayment& payment) {
  // What each trade held at that time; one that has shrunk since counts with what it holds, or held at its end.
  std::vector<std::pair<Trade*, Decimal>> holders;
  Decimal total;
  for (auto& [id, trade] : trades_) {
    const bool entered = trade.entry_quantity.is_positive() && trade.entry_time <= payment.time;
    const bool held = !trade.position.is_flat() || trade.exit_time > payment.time;
    if (trade.symbol == payment.symbol && entered && held) {
      const Decimal share = trade.position.is_flat() ? trade.exit_quantity : trade.open_quantity();
      holders.emplace_back(&trade, share);
      total += share;
    }
  }
  Decimal rest = payment.paid;
  for (size_t i = 0; i < holders.size(); ++i) {
    auto& [trade, share] = holders[i];
    const Decimal part = i + 1 == holders.size() ? rest : payment.paid.Times(share).DividedBy(total);
    trade->funding += part;
    rest -= part;
    step.trades.insert(trade->trade_id);
  }
}

ChangeSet Ledger::Correct(const std::string& symbol, Decimal venue_quantity, Decimal venue_entry_price, WallTime now) {
  Step step;
  Account& account = accounts_[symbol];
  account.row.position.symbol = symbol;
  Fill difference;
  difference.symbol = symbol;
  difference.time = now;
  const auto move = [&](Decimal quantity, Decimal price) {
    difference.side = quantity.is_positive() ? Side::kBuy : Side::kSell;
    difference.quantity = quantity.Abs();
    difference.price = price;
    trading::Apply(account.row.position, difference.side, difference.quantity, price, Decimal());
    Allocate(step, difference, nullptr, kByReconciliation, now);
  };
  account.last_booking = ++bookings_;
  const Decimal ours = account.row.position.quantity;
  const bool other_side = ours.is_positive() != venue_quantity.is_positive();
  Decimal remaining = ours;
  if (!ours.is_zero() && (venue_quantity.is_zero() || other_side || venue_quantity.Abs() < ours.Abs())) {
    remaining = venue_quantity.is_zero() || other_side ? Decimal() : venue_quantity;
    move(remaining - ours, account.row.position.entry_price);
  }
  if (venue_quantity != remaining) {
    move(venue_quantity - remaining, venue_entry_price);
  }
  if (!venue_quantity.is_zero()) {
    account.row.position.entry_price = venue_entry_price;
  }
  step.positions.insert(symbol);
  return Finish(step, now);
}

ChangeSet Ledger::Finish(Step& step, WallTime now) {
  for (const auto* touched : {&step.orders, &step.silent_orders}) {
    for (const std::string& id : *touched) {
      Index(orders_.at(id));
    }
  }
  for (const std::string& id : step.trades) {
    Index(trades_.at(id));
  }
  ChangeSet changes;
  changes.events.reserve(step.orders.size() + step.opened.size() + step.ended.size() + step.positions.size() + 1);
  changes.fills = std::move(step.fills);
  changes.funding = std::move(step.funding);
  std::string correlation_id;
  for (const std::string& id : step.orders) {
    const Tracked& tracked = orders_.at(id);
    const Order& order = tracked.order;
    correlation_id = order.correlation_id;
    changes.orders.push_back(order);
    // Told once, with its fee: an answer that runs ahead of its fills is held until they are booked.
    const bool fills_owed = tracked.fills_quantity < order.filled_quantity;
    if (auto event = OrderEvent(order); event && !fills_owed) {
      changes.events.push_back(std::move(*event));
    }
  }
  for (const std::string& id : step.silent_orders) {
    if (!step.orders.contains(id)) {
      changes.orders.push_back(orders_.at(id).order);
    }
  }
  for (const std::string& id : step.trades) {
    changes.trades.push_back(trades_.at(id));
  }
  for (const std::string& id : step.opened) {
    const Trade& trade = trades_.at(id);
    changes.events.push_back(
        MakeEvent(event::kTradeOpened, trade.symbol, event::ToJson(execution::ToEvent(trade)), trade.correlation_id));
    changes.milestones.push_back(trade);
    changes.milestones.back().status = TradeStatus::kOpen;
  }
  for (const std::string& id : step.ended) {
    const Trade& trade = trades_.at(id);
    if (trade.status == TradeStatus::kClosed) {
      changes.events.push_back(
          MakeEvent(event::kTradeClosed, trade.symbol, event::ToJson(execution::ToEvent(trade)), trade.correlation_id));
    }
    changes.milestones.push_back(trade);
  }
  for (const std::string& symbol : step.stops) {
    if (const auto found = accounts_.find(symbol);
        found != accounts_.end() && found->second.row.is_protected != IsProtected(symbol)) {
      step.positions.insert(symbol);
    }
  }
  for (const std::string& symbol : step.positions) {
    PositionRow& row = accounts_.at(symbol).row;
    row.is_protected = IsProtected(symbol);
    row.updated = std::max(now, row.updated);  // who reads it takes nothing older, and a clock may be set back
    changes.positions.push_back(row);
    changes.events.push_back(MakeEvent(event::kPositionUpdated, symbol, event::ToJson(ToEvent(row)), correlation_id));
  }
  return changes;
}

}  // namespace quantum::execution
