#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum::trading {

// A candle's length: "5s", "1m", "15m", "1h".
struct Interval {
  std::string name;
  int64_t ms = 0;

  // The open time of the candle that holds this time (both in ms since the epoch): candles are aligned to the epoch.
  int64_t Floor(int64_t time_ms) const { return time_ms - time_ms % ms; }
};

// kInvalidArgument unless it is a whole number of seconds, minutes or hours that divides a day.
Result<Interval> ParseInterval(std::string_view text);

}  // namespace quantum::trading
