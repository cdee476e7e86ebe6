#include "services/execution/reconcile.h"

#include <map>
#include <set>

namespace quantum::execution {

bool HasOtherTerms(const Order& ours, const exchange::VenueOrder& theirs) {
  const bool other_quantity = theirs.quantity.is_positive() && theirs.quantity != ours.quantity;
  return other_quantity || (trading::IsConditional(ours.type) && theirs.trigger_price.is_positive() &&
                            theirs.trigger_price != ours.trigger_price);
}

namespace {

void CompareOrders(const Ledger& ledger, const VenueView& view, Differences& found) {
  std::set<std::string> listed;
  std::map<std::string, Decimal> positions;
  for (const exchange::VenuePosition& position : view.positions) {
    positions[position.symbol] = position.quantity;
  }
  for (const exchange::VenueOrder& order : view.open_orders) {
    listed.insert(order.report.client_order_id);
    if (const Order* known = ledger.FindOrder(order.report.client_order_id); known != nullptr) {
      const bool settled = known->updated < view.asked;  // else what we know may be newer than the list
      if (settled && trading::IsFinal(known->status)) {
        found.orphans.push_back(order);
        continue;
      }
      if (settled && HasOtherTerms(*known, order)) {
        found.terms.push_back(order);
      }
      found.reports.push_back(order.report);
      continue;
    }
    const bool ours = order.report.client_order_id.starts_with(kOwnPrefix);
    const bool guards_nothing = order.reduce_only && !positions.contains(order.report.symbol);
    if (ours || guards_nothing) {
      found.orphans.push_back(order);
    } else {
      found.foreign.push_back(order);
    }
  }
  for (const Order* order : ledger.LiveOrders()) {
    if (!listed.contains(order->client_order_id) && order->updated < view.asked) {
      found.ask.push_back(order->client_order_id);
    }
  }
}

void ComparePositions(const Ledger& ledger, const VenueView& view, Differences& found) {
  std::set<std::string> seen;
  for (const exchange::VenuePosition& position : view.positions) {
    seen.insert(position.symbol);
    const Decimal ours = ledger.PositionOf(position.symbol).quantity;
    if (ours != position.quantity) {
      found.positions.push_back({position.symbol, ours, position.quantity, position.entry_price});
    }
  }
  for (const PositionRow& row : ledger.OpenPositions()) {
    if (!seen.contains(row.position.symbol)) {
      found.positions.push_back({row.position.symbol, row.position.quantity, Decimal(), Decimal()});
    }
  }
}

}  // namespace

Differences Compare(const Ledger& ledger, const VenueView& view) {
  Differences found;
  CompareOrders(ledger, view, found);
  ComparePositions(ledger, view, found);
  return found;
}

}  // namespace quantum::execution
