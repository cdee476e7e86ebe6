#include "trading/decimal.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace quantum::trading {
namespace {

using Wide = __int128;

bool Fits(Wide value) {
  return value >= std::numeric_limits<int64_t>::min() && value <= std::numeric_limits<int64_t>::max();
}

int64_t Narrow(Wide value) {
  QUANTUM_ASSERT(Fits(value));
  return static_cast<int64_t>(value);
}

std::optional<Decimal> Checked(Wide value) {
  return Fits(value) ? std::optional(Decimal::FromRaw(static_cast<int64_t>(value))) : std::nullopt;
}

Wide Divide(Wide numerator, Wide denominator, Rounding rounding) {
  QUANTUM_ASSERT(denominator != 0);
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const Wide quotient = numerator / denominator;
  const Wide rest = numerator % denominator;
  if (rest == 0 || rounding == Rounding::kDown) {
    return quotient;
  }
  const Wide away = numerator < 0 ? quotient - 1 : quotient + 1;
  if (rounding == Rounding::kUp) {
    return away;
  }
  const Wide twice = (rest < 0 ? -rest : rest) * 2;
  if (twice != denominator) {
    return twice > denominator ? away : quotient;
  }
  return quotient % 2 == 0 ? quotient : away;
}

}  // namespace

Decimal Decimal::FromInt(int64_t value) { return FromRaw(Narrow(Wide(value) * kOne)); }

Decimal Decimal::FromDouble(double value) {
  QUANTUM_ASSERT(std::isfinite(value) && std::fabs(value) < 9.2e10);
  return FromRaw(std::llround(value * static_cast<double>(kOne)));
}

Result<Decimal> Decimal::Parse(std::string_view text) {
  const auto bad = [&](const char* why) {
    return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not a decimal number: " + why};
  };
  size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) {
    ++at;
  }
  // Accumulated negatively, because the negative range is one larger.
  int64_t raw = 0;
  int decimals = -1;  // -1: before the point
  int digits = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9') {
      return bad("only digits and one point are allowed");
    }
    ++digits;
    if (decimals >= kDigits) {
      if (c != '0') {
        return bad("more than eight decimals");
      }
      continue;
    }
    if (decimals >= 0) {
      ++decimals;
    }
    if (__builtin_mul_overflow(raw, 10, &raw) || __builtin_sub_overflow(raw, c - '0', &raw)) {
      return bad("out of range");
    }
  }
  if (digits == 0) {
    return bad("no digits");
  }
  for (int i = decimals < 0 ? 0 : decimals; i < kDigits; ++i) {
    if (__builtin_mul_overflow(raw, 10, &raw)) {
      return bad("out of range");
    }
  }
  if (!negative && raw == std::numeric_limits<int64_t>::min()) {
    return bad("out of range");
  }
  return FromRaw(negative ? raw : -raw);
}

std::string Decimal::ToString(int decimals) const {
  QUANTUM_ASSERT(decimals >= 0 && decimals <= kDigits);
  std::array<char, 32> text;  // a sign, eleven digits, the point, kDigits digits
  const uint64_t magnitude = raw_ < 0 ? 0 - static_cast<uint64_t>(raw_) : static_cast<uint64_t>(raw_);
  char* end = text.data();
  if (raw_ < 0) {
    *end++ = '-';
  }
  end = std::to_chars(end, text.data() + text.size(), magnitude / kOne).ptr;
  if (decimals > 0) {
    char* const one = end;  // becomes the point: it keeps the fraction's leading zeros
    end = std::to_chars(end, text.data() + text.size(), magnitude % kOne + kOne).ptr;
    *one = '.';
    end = one + 1 + decimals;
  }
  return {text.data(), end};
}

std::string Decimal::ToString() const {
  std::string text = ToString(kDigits);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

Decimal Decimal::operator-() const { return FromRaw(Narrow(-Wide(raw_))); }
Decimal Decimal::operator+(Decimal other) const { return FromRaw(Narrow(Wide(raw_) + other.raw_)); }
Decimal Decimal::operator-(Decimal other) const { return FromRaw(Narrow(Wide(raw_) - other.raw_)); }

Decimal Decimal::Times(Decimal other, Rounding rounding) const {
  return FromRaw(Narrow(Divide(Wide(raw_) * other.raw_, kOne, rounding)));
}

Decimal Decimal::DividedBy(Decimal other, Rounding rounding) const {
  return FromRaw(Narrow(Divide(Wide(raw_) * kOne, other.raw_, rounding)));
}

std::optional<Decimal> Decimal::CheckedPlus(Decimal other) const { return Checked(Wide(raw_) + other.raw_); }
std::optional<Decimal> Decimal::CheckedMinus(Decimal other) const { return Checked(Wide(raw_) - other.raw_); }
std::optional<Decimal> Decimal::CheckedAbs() const { return Checked(raw_ < 0 ? -Wide(raw_) : Wide(raw_)); }

std::optional<Decimal> Decimal::CheckedTimes(Decimal other, Rounding rounding) const {
  return Checked(Divide(Wide(raw_) * other.raw_, kOne, rounding));
}

std::optional<Decimal> Decimal::CheckedDividedBy(Decimal other, Rounding rounding) const {
  return other.is_zero() ? std::nullopt : Checked(Divide(Wide(raw_) * kOne, other.raw_, rounding));
}

std::optional<Decimal> Decimal::CheckedMulDiv(Decimal factor, Decimal divisor, Rounding rounding) const {
  // Two numbers of 63 bits and a sign: their product fits 128 bits.
  return divisor.is_zero() ? std::nullopt : Checked(Divide(Wide(raw_) * factor.raw_, divisor.raw_, rounding));
}

Decimal Decimal::RoundTo(Decimal step, Rounding rounding) const {
  QUANTUM_ASSERT(step.raw_ > 0);
  return FromRaw(Narrow(Divide(raw_, step.raw_, rounding) * step.raw_));
}

Decimal operator""_dec(const char* text, size_t length) { return Decimal::Parse({text, length}).value(); }

}  // namespace quantum::trading
