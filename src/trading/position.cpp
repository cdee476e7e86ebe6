#include "trading/position.h"

#include <algorithm>

namespace quantum::trading {

PositionChange Apply(Position& position, Side side, Decimal quantity, Decimal price, Decimal fee) {
  QUANTUM_ASSERT(quantity.is_positive() && price.is_positive());
  PositionChange change;
  position.fees += fee;
  const bool buying = side == Side::kBuy;
  const bool reduces = !position.is_flat() && position.quantity.is_positive() != buying;
  if (reduces) {
    change.closed_quantity = std::min(quantity, position.quantity.Abs());
    const Decimal gain = position.quantity.is_positive() ? price - position.entry_price : position.entry_price - price;
    change.realized_pnl = gain.Times(change.closed_quantity);
    position.realized_pnl += change.realized_pnl;
  }
  change.opened_quantity = quantity - change.closed_quantity;
  const Decimal signed_closed = buying ? change.closed_quantity : -change.closed_quantity;
  const Decimal signed_opened = buying ? change.opened_quantity : -change.opened_quantity;
  position.quantity += signed_closed;
  if (position.is_flat()) {
    position.entry_price = Decimal();
  }
  if (change.opened_quantity.is_positive()) {
    const Decimal before = position.quantity.Abs();
    const Decimal total = before + change.opened_quantity;
    position.entry_price = (position.entry_price.Times(before) + price.Times(change.opened_quantity)).DividedBy(total);
    position.quantity += signed_opened;
  }
  return change;
}

Decimal UnrealizedPnl(const Position& position, Decimal mark_price) {
  return (mark_price - position.entry_price).Times(position.quantity);
}

}  // namespace quantum::trading
