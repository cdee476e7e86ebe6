#pragma once

#include <optional>
#include <string>

#include "platform/base/result.h"
#include "trading/types.h"

namespace quantum::ai_engine {

using trading::Decimal;

// What sizing may use, asked of risk-safety and execution; unknown stays unknown and sizes nothing.
struct SizingLimits {
  Decimal tick_size;
  Decimal step_size;
  Decimal min_notional;
  Decimal position_usd_max;
  double risk_percent_max = 0;  // of equity, at the stop
  double scaling_factor = 1;
  int leverage_max = 1;
  int leverage_min = 1;
};

struct SizingRequest {
  trading::Side side = trading::Side::kBuy;
  Decimal price;
  Decimal equity;
  double confidence = 0;     // 0 … 1
  double stop_distance = 0;  // as a share of the price, > 0
  double reward_ratio = 2;   // take-profit distance in stop distances
};

struct Size {
  Decimal quantity;
  Decimal stop_loss;
  Decimal take_profit;
  int leverage = 1;
  double risk_percent = 0;  // of equity
  Decimal notional;
};

// Fixed-fractional: half the allowed risk at no confidence, all of it at full confidence, times the profile's scaling
// but never more than all of it, capped by the position cap with one percent to spare for the price moving until risk
// looks at it. kInvalidArgument with the reason when no quantity satisfies both the venue's minimum and the limits.
Result<Size> SizePosition(const SizingRequest& request, const SizingLimits& limits);

}  // namespace quantum::ai_engine
