#pragma once

#include <string>
#include <vector>

#include "operator/commands/command.h"

namespace quantum::operate {

// What lasts of the differences between Postgres and the exchange, a sentence each. Blocks, for some seconds.
Result<std::vector<std::string>> FindDifferences(const Running& running);

}  // namespace quantum::operate
