#pragma once

#include <cstdint>
#include <string>

namespace quantum::operate {

// What a unit has printed since it was started: its output file is appended to over all runs.
uint64_t SizeOf(const std::string& path);  // 0 when there is none
// The last lines after `from`; from the beginning when the file has been cut meanwhile. Empty: nothing was printed.
std::string TailSince(const std::string& path, uint64_t from, int lines);

}  // namespace quantum::operate
