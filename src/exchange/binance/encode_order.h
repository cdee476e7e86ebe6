#pragma once

#include <string_view>

#include "exchange/binance/parameters.h"
#include "exchange/venue.h"

// NewOrder → the request that places it. No I/O.
namespace quantum::binance {

inline constexpr std::string_view kOrderPath = "/fapi/v1/order";
// Conditional orders: on /fapi/v1/order they are refused with -4120 since 2025-12-09.
inline constexpr std::string_view kAlgoOrderPath = "/fapi/v1/algoOrder";

struct OrderRequest {
  std::string_view path;
  Parameters parameters;  // unsigned
};

// Orders are acknowledged with newOrderRespType=RESULT, so that a market order's answer holds its fills' sums.
//
// Conditional orders trigger on MARK_PRICE: a spike in the last price of one venue does not take a position out, and
// liquidation, which the stop must come before, is judged by the mark price too.
//
// kInvalidArgument: an id that the venue would refuse, a quantity or price that is not positive, a callback outside 0.1
// to 10 percent, a conditional order that is not reduce-only (stops of this platform only ever close). Rounding to the
// symbol's filters is the caller's.
Result<OrderRequest> EncodeOrder(const exchange::NewOrder& order);

// ^[\.A-Z\:/a-z0-9_-]{1,36}$
bool IsClientOrderId(std::string_view text);

}  // namespace quantum::binance
