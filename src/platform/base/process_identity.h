#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "platform/base/result.h"

// Tells whether a pid still means the same process. Any thread; reads /proc.
namespace quantum {

// A process for certain: pids are used again, but not with the same start time since the same boot.
struct Identity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat, in clock ticks since the boot
  std::string boot_id;       // of the kernel, for as long as it runs
  bool operator==(const Identity&) const = default;
};

Result<Identity> Identify(pid_t pid);    // kNotFound when there is no such process, or only its remains
bool IsAlive(const Identity& identity);  // it is still this process, and not a zombie

}  // namespace quantum
