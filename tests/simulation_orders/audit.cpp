#include "tests/simulation_orders/audit.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::orders_simulation {

using execution::ChangeSet;
using execution::Ledger;
using execution::Order;
using trading::IsFinal;
using trading::Leg;
using trading::OrderStatus;

namespace {

Decimal Signed(trading::Side side, Decimal quantity) { return side == trading::Side::kBuy ? quantity : -quantity; }

std::string Describe(const Order& order) {
  return fmt::format("order {} ({} of {}, {}, {} of {})", order.client_order_id, ToString(order.leg), order.decision_id,
                     ToString(order.status), order.filled_quantity.ToString(), order.quantity.ToString());
}

// A late fill may complete what was cancelled.
bool MayFollow(OrderStatus before, const Order& order) {
  if (!IsFinal(before) || before == order.status) {
    return true;
  }
  const bool ended_early =
      before == OrderStatus::kCanceled || before == OrderStatus::kExpired || before == OrderStatus::kTriggered;
  return ended_early && order.status == OrderStatus::kFilled && order.filled_quantity == order.quantity;
}

}  // namespace

void Audit::Fail(std::string what) {
  if (trouble_.empty()) {
    trouble_ = std::move(what);
  }
}

void Audit::Sent(const exchange::NewOrder& order, const Order* ours, WallTime venue_now, WallTime signed_until) {
  const std::string& id = order.client_order_id;
  if (!store_.orders().contains(id)) {
    if (!order.reduce_only) {
      Fail(fmt::format("entry {} was sent before it was recorded", id));
    }
    visits_.Count(Visit::kSentBeforeRecord);
  }
  if (ours == nullptr || ours->status != OrderStatus::kIntent) {
    Fail(fmt::format("{} was sent and is no intent of the ledger", id));
  }
  if (accepted_[id] > 0) {
    Fail(fmt::format("{} was sent again after the venue had taken it", id));
  }
  const auto [before, first] = sent_until_.try_emplace(id, signed_until);
  if (!first) {
    if (venue_now <= before->second) {
      Fail(fmt::format("{} was sent again while the first request might still be taken on", id));
    }
    visits_.Count(Visit::kEntrySentAgain);
    before->second = signed_until;
  }
}

void Audit::Accepted(const exchange::NewOrder& order) {
  visits_.Count(order.reduce_only ? Visit::kStopAccepted : Visit::kEntryAccepted);
  if (++accepted_[order.client_order_id] > 1) {
    Fail(fmt::format("the venue has taken {} twice", order.client_order_id));
  }
}

void Audit::Loaded(const execution::LedgerSnapshot& snapshot) {
  orders_.clear();
  booked_.clear();
  position_.clear();
  for (const auto& tracked : snapshot.orders) {
    orders_[tracked.order.client_order_id] = {tracked.order.status, tracked.order.filled_quantity,
                                              tracked.order.quantity, tracked.order.version};
  }
  for (const auto& [key, fill] : store_.fills()) {
    booked_.insert(key);
    position_[fill.symbol] += Signed(fill.side, fill.quantity);
  }
}

void Audit::CheckOrder(const Order& order) {
  const auto [seen, first] = orders_.try_emplace(order.client_order_id);
  if (!first) {
    if (!MayFollow(seen->second.status, order)) {
      Fail(fmt::format("{} was {} before", Describe(order), ToString(seen->second.status)));
    }
    if (order.filled_quantity < seen->second.filled) {
      Fail(fmt::format("{} had {} before", Describe(order), seen->second.filled.ToString()));
    }
    if (order.version <= seen->second.version) {
      Fail(fmt::format("{} has changed and not its version", Describe(order)));
    }
  }
  if (order.filled_quantity > order.quantity) {
    Fail(Describe(order) + " has more than it asked for");
  }
  seen->second = {order.status, order.filled_quantity, order.quantity, order.version};
}

void Audit::CheckFill(const trading::Fill& fill) {
  if (!booked_.insert({fill.symbol, fill.trade_id}).second) {
    Fail(fmt::format("trade {} of {} was booked twice", fill.trade_id, fill.symbol));
  }
  const auto real = std::ranges::find_if(venue_.fills(), [&](const trading::Fill& one) {
    return one.symbol == fill.symbol && one.trade_id == fill.trade_id;
  });
  if (real == venue_.fills().end() || real->quantity != fill.quantity || real->price != fill.price ||
      real->side != fill.side || real->fee != fill.fee) {
    Fail(fmt::format("trade {} of {} was booked, and the venue has none such", fill.trade_id, fill.symbol));
  } else if (!fill.client_order_id.empty() && fill.client_order_id != real->client_order_id) {
    Fail(fmt::format("trade {} of {} was booked on {} and is of {}", fill.trade_id, fill.symbol, fill.client_order_id,
                     real->client_order_id));
  }
  position_[fill.symbol] += Signed(fill.side, fill.quantity);
}

void Audit::CheckPositions(const Ledger& ledger) {
  std::map<std::string, std::pair<Decimal, Decimal>> by_trade;  // net and gross
  for (const execution::Trade* trade : ledger.ActiveTrades()) {
    by_trade[trade->symbol].first += trade->position.quantity;
    by_trade[trade->symbol].second += trade->open_quantity();
  }
  for (const auto& [symbol, sum] : position_) {
    const Decimal ours = ledger.PositionOf(symbol).quantity;
    if (ours != sum) {
      Fail(
          fmt::format("the position of {} is {} and the sum of its fills {}", symbol, ours.ToString(), sum.ToString()));
    }
    const auto& [net, gross] = by_trade[symbol];
    if (net != ours || gross != ours.Abs()) {
      Fail(fmt::format("the trades of {} hold {} (all together {}) and its position is {}", symbol, net.ToString(),
                       gross.ToString(), ours.ToString()));
    }
  }
}

void Audit::Changed(const ChangeSet& changes, const Ledger& ledger) {
  CountVisits(changes);
  for (const Order& order : changes.orders) {
    CheckOrder(order);
  }
  for (const trading::Fill& fill : changes.fills) {
    CheckFill(fill);
  }
  if (!changes.fills.empty() || !changes.positions.empty()) {
    CheckPositions(ledger);
  }
}

void Audit::Written(const ChangeSet& changes) {
  for (const trading::Fill& fill : changes.fills) {
    written_[fill.symbol] += Signed(fill.side, fill.quantity);
  }
  for (const execution::PositionRow& row : changes.positions) {
    const std::string& symbol = row.position.symbol;
    if (store_.positions().at(symbol).position.quantity != written_[symbol]) {
      Fail(fmt::format("what is written says that {} is {}, and its fills sum to {}", symbol,
                       row.position.quantity.ToString(), written_[symbol].ToString()));
    }
  }
}

void Audit::CountVisits(const ChangeSet& changes) {
  for (const Order& order : changes.orders) {
    const auto seen = orders_.find(order.client_order_id);
    if (order.status == OrderStatus::kRejected && order.reason.starts_with("NEVER_")) {
      visits_.Count(Visit::kAbsenceProven);
    } else if (order.status == OrderStatus::kCanceled && order.reason.starts_with("GONE")) {
      visits_.Count(Visit::kGone);
    } else if (seen != orders_.end() && seen->second.quantity != order.quantity && !IsFinal(order.status)) {
      visits_.Count(order.status == OrderStatus::kIntent ? Visit::kResized : Visit::kTermsTaken);
    } else if (seen == orders_.end() && order.leg == Leg::kStopLoss) {
      visits_.Count(Visit::kStopReplaced);
    }
  }
  for (const execution::Trade& trade : changes.milestones) {
    if (trade.strategy == "adopted" && !IsDone(trade.status)) {
      visits_.Count(Visit::kAdopted);
    }
    if (trade.close_reason == execution::kByEmergency) {
      visits_.Count(Visit::kClosedByForce);
    }
  }
  if (!changes.funding.empty()) {
    visits_.Count(Visit::kFundingBooked);
  }
}

}  // namespace quantum::orders_simulation
