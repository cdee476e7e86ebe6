#pragma once

#include <string>
#include <string_view>

#include "services/portfolio_intelligence/portfolio.h"

// The portfolio's answers and event payloads: the same JSON for both. Each names the market's source, so that nobody
// takes a synthetic result for a real one.
namespace quantum::portfolio_intelligence {

std::string SnapshotJson(const Snapshot& snapshot);
std::string PnlJson(const Snapshot& snapshot);
std::string ExposureJson(const Snapshot& snapshot);
std::string DrawdownJson(const Snapshot& snapshot, const Peak& peak);
std::string PerformanceJson(const Performance& performance, int days, const std::string& source);

// The query's `days`: a whole number from 1 to 3650, and nothing behind it. kInvalidArgument naming the field.
Result<int> ReadDays(std::string_view text);

}  // namespace quantum::portfolio_intelligence
