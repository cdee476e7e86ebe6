#pragma once

#include <cstdint>
#include <string>

#include "platform/base/result.h"

namespace quantum::bench {

struct SubscribersResult {
  int subscribers = 0;
  int64_t messages = 0;  // that all of them received
  double messages_per_second = 0;
  int64_t gaps = 0;  // a trade that does not follow the one before, or a depth update
  int behind = 0;    // subscribers that did not get the newest trade any of them had, within five seconds
  // From an event's own time E (whole milliseconds) to its arrival here.
  double lag_p50_ms = 0;
  double lag_p99_ms = 0;
  double lag_max_ms = 0;

  bool Complete() const { return gaps == 0 && behind == 0 && messages > 0; }
};

// `count` WebSocket connections from one thread, each with the trades and the depth updates of `symbol` (small
// letters), for so long after all of them stand. The market must run at speed 1 on this machine's clock. kInternal when
// one does not come about or ends.
Result<SubscribersResult> RunSubscribers(int port, int count, const std::string& symbol, double seconds);

}  // namespace quantum::bench
