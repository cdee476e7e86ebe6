#pragma once

#include <chrono>

#include "exchange/venue.h"
#include "operator/verify/compare.h"
#include "platform/config/manifest.h"
#include "platform/postgres/pool.h"

// Reads both sides for `quantum verify`. For fibers.
namespace quantum::operate {

// `deposit`: what the account began with, for the balance; absent where it is not known (TESTNET, LIVE).
Result<Ledger> ReadPostgres(postgres::Pool& pool, std::optional<trading::Decimal> deposit);

// Asks the venue for everything it keeps, a thousand rows a question: orders, conditional orders, fills, positions,
// balance. What it lists of no page and Postgres knows is asked for by its id, up to kAskedSinglyMax. Waits when the
// venue's request limits are used up, of which it leaves half to execution; at most kPatience in all.
inline constexpr size_t kAskedSinglyMax = 200;
inline constexpr std::chrono::minutes kPatience(5);
Result<Ledger> ReadVenue(exchange::TradingVenue& venue, const Ledger& postgres,
                         const std::vector<std::string>& symbols);

}  // namespace quantum::operate
