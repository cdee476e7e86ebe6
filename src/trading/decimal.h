#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum::trading {

enum class Rounding { kDown, kUp, kHalfEven };  // kDown towards zero, kUp away from it

// Prices, quantities and money: a fixed-point number with eight decimals in 64 bits, exact in addition, rounded only
// where a call names the rounding. Range ±92,233,720,368.54775807; leaving it is an assertion (never a wrong number).
class Decimal {
 public:
  static constexpr int kDigits = 8;
  static constexpr int64_t kOne = 100'000'000;

  constexpr Decimal() = default;
  static constexpr Decimal FromRaw(int64_t raw) {
    Decimal result;
    result.raw_ = raw;
    return result;
  }
  static Decimal FromInt(int64_t value);
  // The nearest Decimal. For model outputs and displays, never for money that came as text. NaN and infinity are an
  // assertion.
  static Decimal FromDouble(double value);
  // "-12.5", "0.00000001": plain decimal notation. More than eight significant decimals, an exponent, blanks, an empty
  // text or a value out of range are kInvalidArgument.
  static Result<Decimal> Parse(std::string_view text);

  constexpr int64_t raw() const { return raw_; }
  double ToDouble() const { return static_cast<double>(raw_) / static_cast<double>(kOne); }
  std::string ToString() const;              // shortest: "12.5", "0", "-0.001"
  std::string ToString(int decimals) const;  // exactly so many (0 to 8); the rest must be zero digits or is cut

  constexpr bool is_zero() const { return raw_ == 0; }
  constexpr bool is_positive() const { return raw_ > 0; }
  constexpr bool is_negative() const { return raw_ < 0; }
  Decimal Abs() const { return raw_ < 0 ? -*this : *this; }

  constexpr auto operator<=>(const Decimal&) const = default;
  Decimal operator-() const;
  Decimal operator+(Decimal other) const;
  Decimal operator-(Decimal other) const;
  Decimal& operator+=(Decimal other) { return *this = *this + other; }
  Decimal& operator-=(Decimal other) { return *this = *this - other; }

  // Exact product and quotient of 128 bits, then one rounding. Division by zero is an assertion.
  Decimal Times(Decimal other, Rounding rounding = Rounding::kHalfEven) const;
  Decimal DividedBy(Decimal other, Rounding rounding = Rounding::kHalfEven) const;

  // The same for numbers that came from outside, where leaving the range is expected: nothing instead of an assertion
  // (division by zero included). CheckedMulDiv is this * factor / divisor, exact before its one rounding.
  std::optional<Decimal> CheckedPlus(Decimal other) const;
  std::optional<Decimal> CheckedMinus(Decimal other) const;
  std::optional<Decimal> CheckedAbs() const;
  std::optional<Decimal> CheckedTimes(Decimal other, Rounding rounding = Rounding::kHalfEven) const;
  std::optional<Decimal> CheckedDividedBy(Decimal other, Rounding rounding = Rounding::kHalfEven) const;
  std::optional<Decimal> CheckedMulDiv(Decimal factor, Decimal divisor, Rounding rounding = Rounding::kHalfEven) const;

  // The multiple of step next to this number. Precondition: step > 0.
  Decimal RoundTo(Decimal step, Rounding rounding) const;
  bool IsMultipleOf(Decimal step) const { return raw_ % step.raw_ == 0; }

 private:
  int64_t raw_ = 0;
};

// For literals in code and tests: a text that does not parse is an assertion.
Decimal operator""_dec(const char* text, size_t length);

}  // namespace quantum::trading

template <>
struct std::hash<quantum::trading::Decimal> {
  size_t operator()(quantum::trading::Decimal value) const noexcept { return std::hash<int64_t>()(value.raw()); }
};
