#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

// The manifest's scalars, also for command lines. Errors say what is expected.
namespace quantum::config {

// "250ms", "30s", "15min", "24h", "7d" (also ns, us); a whole number and its unit.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);
// In the largest unit that divides it: "90s", "2h".
std::string FormatDuration(std::chrono::nanoseconds duration);

// "64KiB", "100MiB", "2GiB", or a plain number of bytes.
Result<uint64_t> ParseBytes(std::string_view text);

Result<int64_t> ParseInt(std::string_view text);
Result<double> ParseDouble(std::string_view text);  // finite
Result<bool> ParseBool(std::string_view text);      // true or false

}  // namespace quantum::config
