#pragma once

#include <functional>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace quantum::bench {

struct LoadResult {
  double requests_per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

// Full load from one thread over kept-alive connections, one request under way on each. `next` gives the whole text of
// a connection's next request, made when it is sent (a signed one must be fresh). The first half second is not counted.
// kInternal when a socket failed or an answer was not 200.
Result<LoadResult> RunLoad(int port, int connections, double seconds,
                           const std::function<std::string(int connection)>& next);

}  // namespace quantum::bench
