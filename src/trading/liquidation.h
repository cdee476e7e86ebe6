#pragma once

#include <string_view>

namespace quantum::trading {

// Whether an order is the venue's own, by which it takes over a position or reduces it for another's: by the name that
// Binance gives it (order update events, https://developers.binance.com/docs/derivatives/usds-margined-futures).
inline bool IsLiquidation(std::string_view client_order_id) {
  return client_order_id.starts_with("autoclose-") || client_order_id.starts_with("adl_autoclose");
}

}  // namespace quantum::trading
