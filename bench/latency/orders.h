#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/bus/event.h"
#include "platform/redis/client.h"

namespace quantum::bench {

// One decision on its way, by its correlation id. Times in ns since the epoch; 0: not seen.
struct Journey {
  int64_t decided_ns = 0;   // ai.decision.made
  int64_t approved_ns = 0;  // risk.approved
  int64_t on_bus_ns = 0;    // its stream has the approval: whole milliseconds, cut off
  int64_t exchange_ns = 0;  // the exchange's time of the order: whole milliseconds, cut off
  int64_t reported_ns = 0;  // the first order event: the exchange's answer is recorded
  bool rejected = false;

  bool complete() const { return decided_ns > 0 && approved_ns > 0 && exchange_ns > 0; }
};

// Follows the streams ai, risk and order from now on.
class OrderWatch {
 public:
  // `since_ms`: entries of the streams before this Redis time are not looked at.
  OrderWatch(redis::Client& redis, int64_t since_ms);
  // Reads what is new.
  Status Poll();

  std::vector<Journey> Complete() const;
  size_t decisions() const;
  size_t rejected() const;

 private:
  void OnEvent(const bus::Event& event, int64_t entry_ms);

  redis::Client& redis_;
  std::map<std::string, std::string> next_;  // family → where the next read begins
  std::map<std::string, Journey> journeys_;  // by correlation id
};

}  // namespace quantum::bench
