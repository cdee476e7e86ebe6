#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum::ai_engine {

// The body of POST /api/ai/signal: {symbol, timeframe, include_reasoning?}.
struct SignalRequest {
  std::string symbol;
  std::string timeframe;
  bool include_reasoning = false;
};

// kInvalidArgument names the field.
Result<SignalRequest> ParseSignalRequest(std::string_view body);

}  // namespace quantum::ai_engine
