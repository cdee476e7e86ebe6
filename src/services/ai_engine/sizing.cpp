#include "services/ai_engine/sizing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quantum::ai_engine {

using trading::Rounding;
using trading::Side;

Result<Size> SizePosition(const SizingRequest& request, const SizingLimits& limits) {
  if (!request.price.is_positive() || !request.equity.is_positive() || !(request.stop_distance > 0) ||
      request.stop_distance >= 0.5) {
    return Error{Errc::kInvalidArgument, "price, equity and stop distance must be positive and the stop within 50 %"};
  }
  const double price = request.price.ToDouble();
  const double equity = request.equity.ToDouble();
  // The profile may scale a timid share up, but never above what the policy allows.
  const double share = std::min(1.0, (std::clamp(request.confidence, 0.0, 1.0) / 2 + 0.5) * limits.scaling_factor);
  const double risk_usd = equity * limits.risk_percent_max / 100 * share;
  const double cap_usd = limits.position_usd_max.ToDouble() * 0.99;
  const double notional_usd = std::min(risk_usd / request.stop_distance, cap_usd);
  Size size;
  size.quantity = Decimal::FromDouble(notional_usd / price).RoundTo(limits.step_size, Rounding::kDown);
  size.notional = size.quantity.Times(request.price);
  if (size.notional < limits.min_notional || !size.quantity.is_positive()) {
    return Error{Errc::kInvalidArgument, fmt::format("the limits allow {} USD, the venue asks for {}",
                                                     size.notional.ToString(2), limits.min_notional.ToString())};
  }
  const double sign = request.side == Side::kBuy ? 1 : -1;
  // The stop is rounded away from the price and the profit towards it: never closer than asked, never further.
  const auto at = [&](double distance, bool up) {
    const Decimal raw = Decimal::FromDouble(price * (1 + distance));
    return raw.RoundTo(limits.tick_size, up ? Rounding::kUp : Rounding::kDown);
  };
  size.stop_loss = at(-sign * request.stop_distance, request.side == Side::kSell);
  size.take_profit = at(sign * request.stop_distance * request.reward_ratio, request.side == Side::kSell);
  size.leverage = std::clamp(static_cast<int>(std::ceil(size.notional.ToDouble() * 4 / equity)), limits.leverage_min,
                             limits.leverage_max);
  size.risk_percent = size.quantity.Times((request.price - size.stop_loss).Abs()).ToDouble() / equity * 100;
  return size;
}

}  // namespace quantum::ai_engine
