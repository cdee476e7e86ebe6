#pragma once

#include <string>
#include <vector>

#include "tests/platform/market_clock.h"
#include "tests/platform/stack.h"

namespace quantum::testing {

// Every fill of the account against the recording, at the moments which the market may have stood at when the exchange
// stamped the fill:
// - a taker's fill: its price was offered, with at least its quantity, and nothing better was but what the account's
// own
//   orders of the last ten seconds may have taken;
// - a maker's fill, under the queue-behind rule: since the order was placed, where it could rest, the market traded
//   through its price, or the other side's best reached it, and not before that; or trades at its price came to what
//   was displayed there before it and its own fills;
// - the fee is the taker's or the maker's share of its value.
struct FillAudit {
  size_t taker = 0;
  size_t maker = 0;
  size_t around_restarts = 0;         // fills whose span holds a restart of the exchange
  int64_t longest_span_ms = 0;        // of the others
  std::vector<std::string> problems;  // empty: every fill is explained
};
FillAudit AuditFills(const Stack& stack, const MarketClock& clock, const std::string& symbol);

}  // namespace quantum::testing
