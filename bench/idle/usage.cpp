#include "bench/idle/usage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace quantum::bench {
namespace {

// The fields of /proc/PID/stat after the command's name, which may hold blanks: the first one is field 3, the state.
std::vector<std::string> StatFields(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t end = line.rfind(')');
  if (end == std::string::npos) {
    return {};
  }
  std::istringstream rest(line.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) {
    fields.push_back(field);
  }
  return fields;
}

std::optional<uint64_t> ProportionalBytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string word; file >> word;) {
    if (word == "Pss:") {
      uint64_t kib = 0;
      file >> kib;
      return kib * 1024;
    }
  }
  return std::nullopt;
}

}  // namespace

Usage UsageOf(const std::vector<pid_t>& pids) {
  constexpr size_t kUserTime = 14 - 3;
  constexpr size_t kSystemTime = 15 - 3;
  constexpr size_t kResidentPages = 24 - 3;
  Usage sum;
  for (const pid_t pid : pids) {
    const std::vector<std::string> fields = StatFields(pid);
    if (fields.size() <= kResidentPages) {
      continue;
    }
    const auto ticks = std::stoull(fields[kUserTime]) + std::stoull(fields[kSystemTime]);
    const uint64_t resident = std::stoull(fields[kResidentPages]) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    sum.cpu_seconds += static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    sum.resident_bytes += resident;
    sum.proportional_bytes += ProportionalBytes(pid).value_or(resident);
  }
  return sum;
}

pid_t ParentOf(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  return fields.size() > 1 ? static_cast<pid_t>(std::stol(fields[1])) : 0;
}

}  // namespace quantum::bench
