#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/postgres/pool.h"
#include "services/portfolio_intelligence/portfolio.h"

// Postgres, where holdings, closed trades, the peak and the snapshots live.
namespace quantum::portfolio_intelligence {

void SaveHolding(postgres::Transaction& transaction, const trading::event::PositionUpdate& update);
void SaveTrade(postgres::Transaction& transaction, const trading::event::TradeUpdate& trade);
Result<std::map<std::string, Holding>> LoadHoldings(postgres::Pool& pool);
Result<std::optional<Peak>> LoadPeak(postgres::Pool& pool);
// The snapshot and the peak that it moved, in one transaction; snapshots older than 30 days go.
Status SaveSnapshot(postgres::Pool& pool, const Snapshot& snapshot, const Peak& peak);
// Since the given time, oldest first, at most 100,000.
Result<std::vector<ClosedTrade>> LoadTrades(postgres::Pool& pool, WallTime since);

}  // namespace quantum::portfolio_intelligence
