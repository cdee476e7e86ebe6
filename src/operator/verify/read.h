#pragma once

#include "exchange/venue.h"
#include "operator/verify/compare.h"
#include "platform/config/manifest.h"
#include "platform/postgres/pool.h"

// Reads both sides for `quantum verify`. For fibers.
namespace quantum::operate {

// `deposit`: what the account began with, for the balance; absent where it is not known (TESTNET, LIVE).
Result<Ledger> ReadPostgres(postgres::Pool& pool, std::optional<trading::Decimal> deposit);

// Asks the venue: open orders, every order of `postgres` by its id, all fills from the first, positions, balance.
Result<Ledger> ReadVenue(exchange::TradingVenue& venue, const Ledger& postgres,
                         const std::vector<std::string>& symbols);

}  // namespace quantum::operate
