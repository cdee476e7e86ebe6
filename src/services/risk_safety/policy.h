#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "trading/decimal.h"

namespace quantum::risk_safety {

using trading::Decimal;

// What the desk allows: one of three profiles, changed by compare-and-set and audited. Percentages are of equity.
struct Policy {
  std::string name;      // "NORMAL"
  int64_t version = 0;   // of the document it came from
  int leverage_max = 1;  // 1 … 125
  int leverage_min = 1;
  Decimal risk_per_trade_percent_max;  // loss at the stop
  Decimal daily_drawdown_percent_max;
  int positions_max = 1;      // 1 … 100
  double confidence_min = 0;  // 0 … 1
  double scaling_factor = 1;  // applied by sizing
  Decimal position_usd_max;   // notional of one position
};

inline constexpr int kLeverageBound = 125;
inline constexpr int kPositionsBound = 100;

// A profile's document, as it stands in the table `policies` and is PUT by operators. Every field is required; bounds
// are checked and the offending field is named.
Result<Policy> ParsePolicy(std::string_view name, std::string_view json, int64_t version);
std::string ToJson(const Policy& policy);

// Whether new risk may be taken at all.
enum class TradingState { kActive, kReducing, kHalted };
std::string_view ToString(TradingState state);  // "ACTIVE", …
Result<TradingState> ParseTradingState(std::string_view text);

}  // namespace quantum::risk_safety
