#pragma once

#include <string>
#include <string_view>

#include "platform/postgres/pool.h"
#include "services/risk_safety/execution_client.h"
#include "trading/events.h"

// What becomes of a reservation: its entry fills (RESERVED -> FILLED, then it is part of the position), and it is
// released once, when the entry has come to nothing or its trade is closed. Whatever comes again, late, or in another
// order changes nothing: no reservation leaves RELEASED.
namespace quantum::risk_safety {

// `type`: of the event that carries the update.
void SettleByOrder(postgres::Transaction& transaction, std::string_view type, const trading::event::OrderUpdate& update,
                   WallTime now);
void SettleByTrade(postgres::Transaction& transaction, const trading::event::TradeUpdate& closed);
// Of a decision that has expired: `state` is what execution says of its entry.
void SettleExpired(postgres::Transaction& transaction, const std::string& decision_id, EntryState state, WallTime now);

}  // namespace quantum::risk_safety
