#pragma once

#include <string>
#include <vector>

#include "operator/commands/command.h"
#include "trading/tradestore/convert.h"

// What `./quantum tradestore` does beyond looking: the move from SQLite, step by step.
namespace quantum::operate {

// What the venue says, by execution, and what is given by hand for symbols that it does not list any more, each
// "SYMBOL=TICK,STEP".
Result<tradestore::Precisions> FindPrecisions(const Running& running, const std::vector<std::string>& given);

Status MigrateTrades(const Context& context, const std::string& source, const std::vector<std::string>& precisions);
// kDifferences where the last comparison found some.
Status ShowTradestore(Context& context);
Status ShowAside(const Context& context);
Status SwitchToPostgres(const Context& context);
Status FinishMigration(const Context& context);
// One step back. give_up: also where trades still wait for the file.
Status RollBackMigration(const Context& context, bool give_up);

}  // namespace quantum::operate
