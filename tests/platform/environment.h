#pragma once

#include "tests/platform/market_clock.h"
#include "tests/platform/stack.h"

namespace quantum::testing {

// Where the market of the shared stack stood at any time since it came up.
MarketClock& SharedMarketClock();

}  // namespace quantum::testing
