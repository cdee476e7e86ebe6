#pragma once

#include <string>
#include <vector>

#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"

// What an order's way is made of, each measured alone on the same servers, in milliseconds.
namespace quantum::bench {

// A bare XADD until a waiting XREADGROUP of another connection has the entry: no journal, no replica awaited. Uses a
// stream of its own, which is deleted in the end.
Result<std::vector<double>> MeasureHop(fiber::Loop& loop, redis::Client& redis, int times, Duration pause);

// The smallest durable transaction through PgBouncer: one WAL message that no table sees.
Result<std::vector<double>> MeasureCommit(postgres::Pool& pool, int times, Duration pause);

// A transaction that writes nothing, through PgBouncer, in one round trip: printed beside the sum, not in it.
Result<std::vector<double>> MeasureRoundTrip(postgres::Pool& pool, int times, Duration pause);

// GET of the URL over a kept-alive connection.
Result<std::vector<double>> MeasureRequest(fiber::Loop& loop, const std::string& url, int times, Duration pause);

}  // namespace quantum::bench
