#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/event.h"

namespace quantum::bus {

// How much of the broker's memory each stream may take. A fifth is left for what is no stream; of the rest half is
// reserved for the streams that move money, in equal parts, and the others share the other half. Without a bound of the
// broker (0) there are no quotas. No I/O.
std::map<std::string, int64_t> QuotasOf(const std::vector<EventType>& types, int64_t broker_bytes_max);

struct Laggard {
  std::string group;
  int64_t behind = 0;  // entries not delivered, and those not acknowledged
  std::string family = {};
};

// Why the publishers of this stream must wait; nothing while they need not. Once over its quota a stream has to fall
// below nine tenths of it.
std::optional<std::string> OverQuota(int64_t bytes, int64_t quota, bool was_over, const std::vector<Laggard>& groups);

// Likewise for all publishers: why they must wait before the broker, full, refuses everything. More than nineteen
// twentieths of its memory is used, by whatever; once it was, it has to fall below nine tenths. Without a bound (0)
// never.
std::optional<std::string> BrokerFull(int64_t bytes, int64_t bytes_max, bool was_full,
                                      const std::vector<Laggard>& groups);

}  // namespace quantum::bus
