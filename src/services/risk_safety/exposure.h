#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "trading/types.h"

// Risk that is taken: positions, and what was promised to decisions. Pure.
namespace quantum::risk_safety {

using trading::Decimal;

struct Reservation {
  std::string symbol;
  trading::Side side = trading::Side::kBuy;
  Decimal notional;  // quote currency
  Decimal margin;
  bool filled = false;   // its entry has filled: it is part of the position now
  WallTime filled_at{};  // when that was recorded
};

struct HeldPosition {
  Decimal quantity;  // signed
  Decimal price;     // what it is valued at; zero: unknown, then only its reservations count
};

// Quote currency, unsigned: what is held or filled, and what may still fill.
struct SidedNotional {
  Decimal longs;
  Decimal shorts;
};

struct ExposureView {
  std::map<std::string, Decimal> positions;  // signed quantity by symbol
  std::map<std::string, SidedNotional> by_symbol;
  int slots_taken = 0;    // reservations, and positions that have none
  Decimal notional_long;  // the sums of by_symbol
  Decimal notional_short;
  Decimal margin_reserved;  // of reservations that the account's free margin does not know of yet
};

// A side of a symbol counts what is larger, the position as it stands or the reservations that became it (the one is
// told before the other), and on top what may still fill. A position without a reservation (by hand, left over) counts
// like any other. The margin of a fill counts until the account was read after it (`account_as_of`; the epoch: not
// yet), or two decisions could spend the same margin. kExhausted when the sums leave the range of a Decimal.
Result<ExposureView> MakeExposure(const std::vector<Reservation>& reservations,
                                  const std::map<std::string, HeldPosition>& held, WallTime account_as_of);

}  // namespace quantum::risk_safety
