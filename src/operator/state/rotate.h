#pragma once

#include <cstdint>
#include <string>

#include "platform/base/result.h"

namespace quantum::operate {

struct Rotation {
  uint64_t bytes_max = 0;
  int kept = 0;
};
// Of the gateway's files: as those of every service (log::Options).
inline constexpr Rotation kAccessLogRotation{100u << 20, 10};
inline constexpr Rotation kErrorLogRotation{50u << 20, 5};

// A log file that another program writes: when it is larger than `bytes_max` it becomes path.1, path.1 becomes path.2,
// and what is beyond `kept` goes away. True: it was renamed, and the writer must be told to open it anew.
Result<bool> RotateLog(const std::string& path, uint64_t bytes_max, int kept);

}  // namespace quantum::operate
