#pragma once

#include "server_under_test.h"

namespace quantum::bench {

struct ClosedLoopResult {
  double requests_per_second = 0;
  double cpu_us_per_request = 0;  // of the server: what others do on its core does not count
  std::string p50;                // as wrk measured them, under full load
  std::string p99;
};

// wrk with one thread at full speed. kInternal when an answer was not 200 or a socket failed.
Result<ClosedLoopResult> RunClosedLoop(const ServerUnderTest& server, int connections, int seconds);

}  // namespace quantum::bench
