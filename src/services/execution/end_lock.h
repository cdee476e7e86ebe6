#pragma once

#include <string>

#include "platform/postgres/pool.h"

// A transaction takes such a lock first; whoever asks for what it was to write asks after AwaitEnd in the same batch,
// and so waits until it has ended: its COMMIT may wait for a standby for longer than we wait for its answer.
namespace quantum::execution {

enum class EndLock { kApproval = 8002, kBatch = 8003 };

inline postgres::Statement HoldUntilEnd(EndLock lock, const std::string& key) {
  return {"SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", {key, std::to_string(static_cast<int>(lock))}};
}
inline postgres::Statement AwaitEnd(EndLock lock, const std::string& key) {
  return {"SELECT pg_advisory_xact_lock_shared(hashtextextended($1, $2))",
          {key, std::to_string(static_cast<int>(lock))}};
}

}  // namespace quantum::execution
