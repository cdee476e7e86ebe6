#pragma once

#include <string>
#include <vector>

#include "platform/postgres/pool.h"
#include "trading/refusal.h"

// What execution refused, or what came to nothing, as it stands in Postgres: refused orders with their reason, and
// orders by hand that never became one.
namespace quantum::execution {

// All under a correlation id, 200 at most, in the order of time.
Result<std::vector<trading::RecordedRefusal>> LoadRefusals(postgres::Pool& pool, const std::string& correlation_id);

// Of an order by hand that nobody has decided on, under the correlation id of the request.
postgres::Statement RecordManualRefusal(const trading::event::Decision& decision,
                                        const trading::event::Refusal& refusal);

}  // namespace quantum::execution
