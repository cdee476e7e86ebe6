#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/chaos/record.h"

namespace quantum::operate::chaos {

// One round in numbers. Times are counted from when the fault struck, in nanoseconds; nothing where it never happened.
struct Measured {
  uint64_t acknowledged = 0;
  uint64_t in_flight = 0;            // operations that the fault struck between their start and their last effect
  std::optional<int64_t> accepted;   // until each producer had an operation begun since accepted
  std::optional<int64_t> stored;     // until the first such operation stood in a stream
  std::optional<int64_t> delivered;  // until each group had applied one
  uint64_t largest_lag = 0;          // acknowledged and not applied yet by one group, at the worst moment
};

// records: of this round, in any order. No I/O.
Measured Measure(std::vector<Record> records, int64_t struck_ns, const std::vector<std::string>& producers,
                 const std::vector<std::string>& groups);

}  // namespace quantum::operate::chaos
