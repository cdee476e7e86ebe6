#pragma once

#include <string>
#include <vector>

#include "operator/commands/command.h"
#include "operator/table.h"

namespace quantum::operate {

// What is traded on, which a reader of prices and profits must know: "synthetic: seed 1, speed 1". In PAPER it is what
// the exchange says it plays, so that a recording that ended is seen to have ended; while it does not answer, the
// manifest's text, named as such. Blocks.
std::string MarketNow(const Running& running);

// The line with mode and market that stands below tables.
void PrintMarket(const Running& running);

// What a service answered, {"items": [...]}: as it is with --json, else as a table with that line below it.
void PrintRows(const Context& context, const Running& running, const std::string& rows,
               const std::vector<Column>& columns);

}  // namespace quantum::operate
