#include "tests/simulation_orders/venue_model.h"

#include <algorithm>

namespace quantum::orders_simulation {
namespace {

using exchange::VenueOrder;
using trading::IsConditional;
using trading::IsFinal;
using trading::OrderStatus;
using trading::operator""_dec;

bool IsOpen(const VenueModel::Entry& entry) { return !IsFinal(entry.order.report.status); }

// What the market may take: a limit that rests, a market order, a conditional one that has triggered.
bool IsFillable(const VenueModel::Entry& entry) {
  return IsOpen(entry) && (entry.triggered || !IsConditional(entry.order.type));
}

}  // namespace

std::optional<exchange::Outcome> VenueModel::Refuse(const exchange::NewOrder& request, WallTime now) {
  if (const auto known = orders_.find(request.client_order_id); known != orders_.end() && IsOpen(known->second)) {
    return exchange::Unknown{"-4116 duplicate client order id"};  // as the connector takes it
  }
  if (refusals.next > 0) {
    --refusals.next;
    visits_.Count(Visit::kRefused);
    return exchange::Rejected{refusals.code, "refused"};
  }
  if (IsConditional(request.type) && now < refusals.no_conditional_until) {
    visits_.Count(Visit::kRefused);
    return exchange::Rejected{-1003, "refused for a while"};
  }
  const Decimal position = positions_[request.symbol].quantity;
  const bool reduces = !position.is_zero() && position.is_positive() != (request.side == trading::Side::kBuy);
  if (request.reduce_only && !IsConditional(request.type) && !reduces) {
    visits_.Count(Visit::kRefused);
    return exchange::Rejected{-2022, "ReduceOnly Order is rejected."};
  }
  return std::nullopt;
}

exchange::Outcome VenueModel::Place(const exchange::NewOrder& request, WallTime signed_for, Duration window,
                                    WallTime now) {
  if (now > signed_for + window) {
    visits_.Count(Visit::kTooLate);
    return exchange::Rejected{-1021, "Timestamp for this request is outside of the recvWindow."};
  }
  if (auto refused = Refuse(request, now)) {
    return *refused;
  }
  const bool conditional = IsConditional(request.type);
  Entry entry;
  VenueOrder& order = entry.order;
  order.report.symbol = request.symbol;
  order.report.client_order_id = request.client_order_id;
  order.report.exchange_order_id = std::to_string(conditional ? ++last_conditional_ : ++last_plain_);
  order.report.status = OrderStatus::kNew;
  order.report.time = now;
  order.side = request.side;
  order.type = request.type;
  order.quantity = request.quantity;
  order.price = request.price;
  order.trigger_price = request.trigger_price;
  order.callback_percent = request.callback_percent;
  order.reduce_only = request.reduce_only;
  ++accepted_count_;
  orders_[request.client_order_id] = entry;
  if (accepted) {
    accepted(request);
  }
  tell(order.report);
  return exchange::Accepted{order.report};
}

Status VenueModel::Cancel(const std::string& client_order_id, bool conditional, WallTime now) {
  const auto found = orders_.find(client_order_id);
  const bool listed = found != orders_.end() && IsOpen(found->second) &&
                      conditional == (IsConditional(found->second.order.type) && !found->second.triggered);
  if (!listed) {
    visits_.Count(Visit::kCancelRaced);
    return Error{Errc::kNotFound, "-2011 Unknown order sent."};
  }
  End(found->second, OrderStatus::kCanceled, now);
  return {};
}

Result<VenueOrder> VenueModel::Find(const std::string& client_order_id, bool conditional, bool visible) const {
  const auto found = orders_.find(client_order_id);
  if (found == orders_.end() || IsConditional(found->second.order.type) != conditional) {
    return Error{Errc::kNotFound, "-2013 Order does not exist."};
  }
  if (found->second.triggered && !visible) {
    return Error{Errc::kUnavailable, "it has triggered and its market order is not visible yet"};
  }
  return found->second.order;
}

std::vector<VenueOrder> VenueModel::OpenOrders() const {
  std::vector<VenueOrder> open;
  for (const auto& [id, entry] : orders_) {
    if (IsOpen(entry)) {
      open.push_back(entry.order);
      if (entry.triggered) {
        open.back().type = trading::OrderType::kMarket;  // the order that it spawned
        open.back().trigger_price = Decimal();
      }
    }
  }
  return open;
}

std::vector<trading::Fill> VenueModel::Fills(const std::string& symbol, int64_t from) const {
  std::vector<trading::Fill> found;
  std::ranges::copy_if(fills_, std::back_inserter(found),
                       [&](const auto& fill) { return fill.symbol == symbol && fill.trade_id >= from; });
  return found;
}

std::vector<exchange::VenuePosition> VenueModel::Positions() const {
  std::vector<exchange::VenuePosition> open;
  for (const auto& [symbol, position] : positions_) {
    if (!position.is_flat()) {
      open.push_back({.symbol = symbol,
                      .quantity = position.quantity,
                      .entry_price = position.entry_price,
                      .mark_price = position.entry_price});
    }
  }
  return open;
}

std::vector<exchange::FundingPayment> VenueModel::Funding(WallTime from) const {
  std::vector<exchange::FundingPayment> found;
  std::ranges::copy_if(funding_, std::back_inserter(found), [&](const auto& one) { return one.time >= from; });
  return found;
}

VenueModel::Entry* VenueModel::Pick(Choices& choices, const std::function<bool(const Entry&)>& wanted) {
  std::vector<Entry*> candidates;
  for (auto& [id, entry] : orders_) {
    if (wanted(entry)) {
      candidates.push_back(&entry);
    }
  }
  return candidates.empty() ? nullptr : candidates[choices.Below(candidates.size())];
}

Decimal VenueModel::Reducible(const Entry& entry) const {
  const auto found = positions_.find(entry.order.report.symbol);
  const Decimal position = found == positions_.end() ? Decimal() : found->second.quantity;
  const bool reduces = !position.is_zero() && position.is_positive() != (entry.order.side == trading::Side::kBuy);
  return reduces ? position.Abs() : Decimal();
}

void VenueModel::End(Entry& entry, OrderStatus status, WallTime now) {
  entry.order.report.status = status;
  entry.order.report.time = now;
  tell(entry.order.report);
}

void VenueModel::FillSome(Choices& choices, WallTime now) {
  if (Entry* const entry = Pick(choices, IsFillable)) {
    const Decimal rest = entry->order.quantity - entry->order.report.filled_quantity;
    const auto steps = static_cast<uint64_t>(rest.raw() / "0.001"_dec.raw());
    const Decimal part =
        choices.OneIn(2) ? rest : "0.001"_dec.Times(Decimal::FromInt(1 + static_cast<int64_t>(choices.Below(steps))));
    const Decimal price = "60000"_dec + "0.1"_dec.Times(Decimal::FromInt(static_cast<int64_t>(choices.Below(200))));
    Fill(*entry, part, price, now);
  }
}

void VenueModel::FillAll(WallTime now) {
  for (auto& [id, entry] : orders_) {
    while (IsFillable(entry)) {
      Fill(entry, entry.order.quantity - entry.order.report.filled_quantity, "60000"_dec, now);
    }
  }
}

void VenueModel::Fill(Entry& entry, Decimal quantity, Decimal price, WallTime now) {
  VenueOrder& order = entry.order;
  if (order.reduce_only) {
    const Decimal reducible = Reducible(entry);
    if (reducible.is_zero()) {
      visits_.Count(Visit::kExpiredOfNothing);
      return End(entry, OrderStatus::kExpired, now);
    }
    quantity = std::min(quantity, reducible);
  }
  trading::OrderReport& report = order.report;
  trading::Fill fill;
  fill.symbol = report.symbol;
  fill.trade_id = ++last_trade_[report.symbol];
  fill.client_order_id = report.client_order_id;
  fill.exchange_order_id = report.exchange_order_id;
  fill.side = order.side;
  fill.price = price;
  fill.quantity = quantity;
  fill.fee = price.Times(quantity).Times("0.0005"_dec);
  fill.fee_asset = "USDT";
  fill.time = now;
  const Decimal before = positions_[report.symbol].quantity;
  trading::Apply(positions_[report.symbol], order.side, quantity, price, fill.fee);
  if (!order.reduce_only && !before.is_zero() && before.is_positive() != (order.side == trading::Side::kBuy)) {
    visits_.Count(Visit::kOppositeEntries);
  }
  fills_.push_back(fill);
  entry.notional += price.Times(quantity);
  report.filled_quantity += quantity;
  report.average_price = entry.notional.DividedBy(report.filled_quantity);
  report.time = now;
  // A reduce-only order that took all there was is done, whatever it asked for.
  const bool cut = order.reduce_only && report.filled_quantity < order.quantity && Reducible(entry).is_zero();
  report.status =
      report.filled_quantity == order.quantity || cut ? OrderStatus::kFilled : OrderStatus::kPartiallyFilled;
  if (cut) {
    visits_.Count(Visit::kCutToPosition);
  } else if (report.status == OrderStatus::kPartiallyFilled) {
    visits_.Count(Visit::kPartialFill);
  }
  trading::OrderReport told = report;
  told.fill = fill;
  tell(told);
}

void VenueModel::TriggerOne(Choices& choices, WallTime now) {
  Entry* const entry =
      Pick(choices, [](const Entry& one) { return IsOpen(one) && IsConditional(one.order.type) && !one.triggered; });
  if (entry == nullptr) {
    return;
  }
  visits_.Count(Visit::kTriggered);
  entry->triggered = true;
  entry->order.report.exchange_order_id = std::to_string(++last_plain_);
  entry->order.report.time = now;
  if (choices.OneIn(2)) {
    return Fill(*entry, entry->order.quantity,
                entry->order.trigger_price.is_zero() ? "60000"_dec : entry->order.trigger_price, now);
  }
  tell(entry->order.report);  // of the plain order that it spawned
}

void VenueModel::CancelOne(Choices& choices, WallTime now) {
  if (Entry* const entry = Pick(choices, IsOpen)) {
    visits_.Count(Visit::kVenueCancelled);
    if (entry->order.report.filled_quantity.is_zero() && choices.OneIn(4)) {
      const std::string id = entry->order.report.client_order_id;
      orders_.erase(id);
      forgotten(id);
      return;
    }
    End(*entry, choices.OneIn(2) ? OrderStatus::kCanceled : OrderStatus::kExpired, now);
  }
}

void VenueModel::SettleFunding(WallTime now) {
  bool settled = false;
  for (const auto& [symbol, position] : positions_) {
    if (!position.is_flat()) {
      const auto id = static_cast<int64_t>(funding_.size()) + 1;
      funding_.push_back({symbol, id, position.quantity.Times("0.6"_dec), now});
      settled = true;
    }
  }
  if (settled) {
    tell(exchange::BalanceChanged{Decimal(), "FUNDING_FEE"});
  }
}

}  // namespace quantum::orders_simulation
