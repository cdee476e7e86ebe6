#pragma once

#include <string>
#include <vector>

#include "operator/fleet.h"

namespace quantum::operate {

// The table that `up` ends with: name, state, port, since.
std::string FormatUnits(const std::vector<UnitStatus>& units);

// "12 s", "4 min", "3 h", "2 d"
std::string FormatAge(Duration age);

// "synthetic, seed 1" or "recording btc.gz, speed 10": shown wherever the market is.
std::string MarketLabel(const std::string& source, const std::string& seed, const std::string& speed);

}  // namespace quantum::operate
