#pragma once

#include <limits>

#include "trading/decimal.h"

// Arithmetic of limits. A result beyond Decimal's range counts as the largest there is (or the smallest), which is on
// the right side of every limit.
namespace quantum::risk_safety {

using trading::Decimal;

inline const Decimal kHundred = Decimal::FromInt(100);
inline const Decimal kMost = Decimal::FromRaw(std::numeric_limits<int64_t>::max());
inline const Decimal kLeast = Decimal::FromRaw(std::numeric_limits<int64_t>::min());

// Precondition: whole > 0.
inline Decimal Percent(Decimal part, Decimal whole) {
  return part.CheckedMulDiv(kHundred, whole).value_or(part.is_negative() ? kLeast : kMost);
}
inline Decimal Share(Decimal whole, Decimal percent) {
  return whole.CheckedMulDiv(percent, kHundred).value_or(whole.is_negative() ? kLeast : kMost);
}

}  // namespace quantum::risk_safety
