#pragma once

#include "bench/restart/full_desk.h"

namespace quantum::bench {

// The emergency stop (`POST /api/execution/halt`, what `quantum halt` calls) of a desk with entries open, in ms since
// the call. Protection stays: it is no entry.
struct EmergencyStop {
  int cancelled = 0;    // entries, by the answer
  double answered = 0;  // the call was answered
  double gone = 0;      // the exchange lists no entry any more; seen by listing all open orders, again and again
};

// Blocks the loop's fiber, not the loop. Entries go out again only once the operator rearms.
Result<EmergencyStop> StopInEmergency(const operate::Running& running, FullDesk& desk);

}  // namespace quantum::bench
