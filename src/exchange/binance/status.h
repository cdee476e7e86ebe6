#pragma once

#include <optional>
#include <string_view>

#include "trading/order.h"

namespace quantum::binance {

// The status of a plain order. EXPIRED_IN_MATCH (self-trade prevention) is kExpired; NEW_INSURANCE and NEW_ADL
// (liquidation) follow from what was filled. PENDING_NEW is kNew.
Result<trading::OrderStatus> StatusOfOrder(std::string_view text, trading::Decimal filled, trading::Decimal quantity);

// The status of a conditional (algo) order, or nothing while and after it is triggered (TRIGGERING, TRIGGERED,
// FINISHED): from then on the plain order it spawned speaks for it under the same client order id. So an order of the
// platform has one life, and trading::OrderStatus::kTriggered, which is final, is never reported.
Result<std::optional<trading::OrderStatus>> StatusOfAlgoOrder(std::string_view text);

// STOP and TAKE_PROFIT (with a limit price) read as their market variants; LIQUIDATION as MARKET.
Result<trading::OrderType> TypeOfOrder(std::string_view text);

}  // namespace quantum::binance
