#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "services/ai_engine/strategy.h"

namespace quantum::ai_engine {

// What a stop keeps of a symbol: since when its position is held, and which decision is on its way. Times cross the
// restart on the wall clock. Without it (after a SIGKILL) positions come from execution and count from when they are
// first seen, and a decision that is on its way is met by risk-safety's checks.
struct KeptSymbol {
  SymbolState state;    // position, position_ms, busy_until and held_since; the market is asked anew
  std::string waiting;  // decision id; empty: none
};

std::string SaveSymbols(const std::map<std::string, KeptSymbol>& symbols, const Clock& clock);
// kInvalidArgument when it is not what SaveSymbols wrote.
Result<std::map<std::string, KeptSymbol>> ReadSymbols(std::string_view json, const Clock& clock);

}  // namespace quantum::ai_engine
