#pragma once

#include "platform/base/result.h"

namespace quantum::bench {

struct OpenLoopResult {
  double offered_per_second = 0;
  double answered_per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
};

// Sends at a constant rate, whatever the server does, over kept-alive connections. A request's latency counts from the
// moment it should have been sent, so that a server that stalls cannot hide the requests it held up. The first second
// is not counted. kInternal when an answer was not 200.
Result<OpenLoopResult> RunOpenLoop(int port, int connections, double rate, double seconds);

}  // namespace quantum::bench
