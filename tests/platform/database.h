#pragma once

#include <cstdint>
#include <string>

#include "platform/postgres/pool.h"
#include "tests/platform/stack.h"

namespace quantum::testing {

// Postgres as a service of the stack reaches it: through PgBouncer, by the services' role.
postgres::PoolOptions DatabaseOf(const Stack& stack);

// As the superuser, at the primary: the database with everything in it is gone.
void DropDatabase(const Stack& stack);

// Whether the heartbeat was committed after that moment (ISO 8601).
bool HeartbeatSince(const Stack& stack, const std::string& moment);

// One statement by the services' role. Throws when it fails.
void Execute(const Stack& stack, const std::string& sql);

// How many rows a table holds. Throws when Postgres does not answer.
int64_t CountRows(const Stack& stack, const std::string& table);

}  // namespace quantum::testing
