#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace quantum::bench {

struct Usage {
  double cpu_seconds = 0;  // user and system, since each process began
  uint64_t resident_bytes = 0;
  // Pages shared with other processes counted by their part; equals resident_bytes where the kernel does not tell.
  uint64_t proportional_bytes = 0;
};

// The sum over processes that are alive, from /proc.
Usage UsageOf(const std::vector<pid_t>& pids);

pid_t ParentOf(pid_t pid);  // 0: there is no such process

}  // namespace quantum::bench
