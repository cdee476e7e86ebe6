#include "services/risk_safety/exposure.h"

#include <algorithm>
#include <optional>

namespace quantum::risk_safety {
namespace {

using trading::Side;

// How far the clock that dates a fill may be behind the one that dates the account.
constexpr Duration kClockError = std::chrono::seconds(1);

// Sums that stop at the first number out of range.
class Sum {
 public:
  void Add(Decimal amount) { value_ = value_ ? value_->CheckedPlus(amount) : std::nullopt; }
  bool ok() const { return value_.has_value(); }
  Decimal value() const { return value_.value_or(Decimal()); }

 private:
  std::optional<Decimal> value_ = Decimal();
};

struct SideSums {
  Sum filled;
  Sum open;
  Decimal held;
};

struct SymbolSums {
  SideSums longs;
  SideSums shorts;
  bool reserved = false;
};

std::optional<Decimal> Taken(const SideSums& side) {
  return side.filled.ok() && side.open.ok() ? std::max(side.held, side.filled.value()).CheckedPlus(side.open.value())
                                            : std::nullopt;
}

Error OutOfRange() {
  return {Errc::kExhausted,
          "positions and reservations add up to more than can be counted; look into the reservations"};
}

}  // namespace

Result<ExposureView> MakeExposure(const std::vector<Reservation>& reservations,
                                  const std::map<std::string, HeldPosition>& held, WallTime account_as_of) {
  ExposureView view;
  std::map<std::string, SymbolSums> sums;
  Sum margin;
  for (const Reservation& reservation : reservations) {
    SymbolSums& symbol = sums[reservation.symbol];
    SideSums& side = reservation.side == Side::kBuy ? symbol.longs : symbol.shorts;
    (reservation.filled ? side.filled : side.open).Add(reservation.notional);
    if (!reservation.filled || reservation.filled_at + kClockError > account_as_of) {
      margin.Add(reservation.margin);
    }
    symbol.reserved = true;
    ++view.slots_taken;
  }
  for (const auto& [symbol, position] : held) {
    if (position.quantity.is_zero()) {
      continue;
    }
    view.positions.emplace_hint(view.positions.end(), symbol, position.quantity);
    const auto size = position.quantity.CheckedAbs();
    const auto notional = size ? size->CheckedTimes(position.price) : std::nullopt;
    if (!notional) {
      return OutOfRange();
    }
    SymbolSums& taken = sums[symbol];
    (position.quantity.is_positive() ? taken.longs : taken.shorts).held = *notional;
    view.slots_taken += taken.reserved ? 0 : 1;
  }
  Sum longs;
  Sum shorts;
  for (const auto& [symbol, sides] : sums) {
    const auto long_taken = Taken(sides.longs);
    const auto short_taken = Taken(sides.shorts);
    if (!long_taken || !short_taken) {
      return OutOfRange();
    }
    view.by_symbol.emplace_hint(view.by_symbol.end(), symbol, SidedNotional{*long_taken, *short_taken});
    longs.Add(*long_taken);
    shorts.Add(*short_taken);
  }
  if (!longs.ok() || !shorts.ok() || !margin.ok()) {
    return OutOfRange();
  }
  view.notional_long = longs.value();
  view.notional_short = shorts.value();
  view.margin_reserved = margin.value();
  return view;
}

}  // namespace quantum::risk_safety
