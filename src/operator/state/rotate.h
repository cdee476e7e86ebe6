#pragma once

#include <cstdint>
#include <string>

#include "platform/base/result.h"

namespace quantum::operate {

// A log file that another program writes: when it is larger than `bytes_max` it becomes path.1, path.1 becomes path.2,
// and what is beyond `kept` goes away. True: it was renamed, and the writer must be told to open it anew.
Result<bool> RotateLog(const std::string& path, uint64_t bytes_max, int kept);

}  // namespace quantum::operate
