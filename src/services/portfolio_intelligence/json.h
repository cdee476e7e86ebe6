#pragma once

#include <string>

#include "services/portfolio_intelligence/portfolio.h"

// The portfolio's answers and event payloads: the same JSON for both.
namespace quantum::portfolio_intelligence {

std::string SnapshotJson(const Snapshot& snapshot);
std::string PnlJson(const Snapshot& snapshot, const Portfolio& portfolio);
std::string ExposureJson(const Snapshot& snapshot, const Portfolio& portfolio);
std::string DrawdownJson(const Snapshot& snapshot, const Peak& peak);
std::string PerformanceJson(const Performance& performance, int days);

}  // namespace quantum::portfolio_intelligence
