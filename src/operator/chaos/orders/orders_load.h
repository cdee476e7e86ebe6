#pragma once

#include <string>
#include <vector>

namespace quantum::operate::chaos {

// Overrides of the manifest, KEY=VALUE, under which the exerciser makes so many decisions a second over twelve symbols
// of the synthetic market, and nothing limits or ends trading for reasons of its own.
std::vector<std::string> OrdersLoad(double decisions_per_second);

}  // namespace quantum::operate::chaos
