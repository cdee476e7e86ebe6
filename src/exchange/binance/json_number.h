#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "trading/decimal.h"

namespace quantum::binance {

// Reads a decimal number that starts at `text` and ends at a quotation mark, as it stands inside a JSON string whose
// end is known to exist. Nothing when it is not plain decimal notation with at most 18 digits and 8 decimals
// (Decimal::Parse decides about such texts, with a reason).
inline std::optional<trading::Decimal> ReadQuotedDecimal(const char* text) {
  static constexpr int64_t kScale[] = {100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  const bool negative = *text == '-';
  if (negative) {
    ++text;
  }
  int64_t number = 0;
  int digits = 0;
  for (; *text >= '0' && *text <= '9'; ++text, ++digits) {
    if (digits >= 10) {
      return std::nullopt;
    }
    number = number * 10 + (*text - '0');
  }
  int decimals = 0;
  if (*text == '.') {
    for (++text; *text >= '0' && *text <= '9'; ++text, ++decimals) {
      if (decimals >= trading::Decimal::kDigits) {
        return std::nullopt;
      }
      number = number * 10 + (*text - '0');
    }
    if (decimals == 0) {
      return std::nullopt;
    }
  }
  if (digits == 0 || *text != '"') {
    return std::nullopt;
  }
  // At most 10 digits before the point: the product is below 10^18 and fits.
  number *= kScale[decimals];
  return trading::Decimal::FromRaw(negative ? -number : number);
}

}  // namespace quantum::binance
