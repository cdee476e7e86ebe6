#pragma once

#include <string>

#include "trading/order.h"
#include "trading/types.h"

namespace quantum::trading {

// A net position in one symbol (one-way mode), rebuilt from fills. Leverage is in the quantity already.
struct Position {
  std::string symbol;
  Decimal quantity;      // signed: positive is long
  Decimal entry_price;   // average of what is open; zero when flat
  Decimal realized_pnl;  // price differences times quantity, before fees and funding
  Decimal fees;          // paid, quote currency
  Decimal funding;       // paid, quote currency; negative: received

  bool is_flat() const { return quantity.is_zero(); }
};

// What a fill did: it may close one position and open the other side in one step.
struct PositionChange {
  Decimal closed_quantity;  // unsigned
  Decimal opened_quantity;  // unsigned
  Decimal realized_pnl;     // of the closed part
};

// Applies a fill. Adding averages the entry price by quantity (half-even); reducing realizes
// (fill price - entry price) * closed * sign and keeps the entry price.
PositionChange Apply(Position& position, Side side, Decimal quantity, Decimal price, Decimal fee);

// (mark - entry) * quantity, signed.
Decimal UnrealizedPnl(const Position& position, Decimal mark_price);

}  // namespace quantum::trading
