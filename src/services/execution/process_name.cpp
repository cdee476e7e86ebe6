#include "services/execution/process_name.h"

#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace quantum::execution {
namespace {

// Of the kernel and the pid namespace that this process is in; empty: not known.
const std::string& Machine() {
  static const std::string machine = [] {
    std::string boot_id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
    std::error_code error;
    const std::string pids = std::filesystem::read_symlink("/proc/self/ns/pid", error).string();  // pid:[4026531836]
    return boot_id.empty() || error ? std::string() : boot_id + "/" + pids;
  }();
  return machine;
}

// Field 22 of /proc/PID/stat, behind the command's name, which may hold anything; empty: cannot be read.
std::string StartTime(pid_t pid) {
  constexpr int kBehindName = 3;  // the first field there
  constexpr int kStartTime = 22;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  std::istringstream rest(name_end == std::string::npos ? std::string() : line.substr(name_end + 1));
  std::string field;
  for (int number = kBehindName; rest >> field; ++number) {
    if (number == kStartTime) {
      return field;
    }
  }
  return {};
}

}  // namespace

std::string ProcessName(pid_t pid) {
  const std::string start = StartTime(pid);
  return Machine().empty() || start.empty() ? std::string() : fmt::format("{}/{}/{}", Machine(), pid, start);
}

bool HasEnded(std::string_view process_name) {
  const std::string here = Machine() + "/";
  const size_t slash = process_name.rfind('/');
  if (Machine().empty() || !process_name.starts_with(here) || slash < here.size()) {
    return false;
  }
  const std::string_view digits = process_name.substr(here.size(), slash - here.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  if (error != std::errc() || end != digits.data() + digits.size() || pid <= 0) {
    return false;
  }
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    return true;
  }
  const std::string start = StartTime(pid);  // pids are used again
  return !start.empty() && start != process_name.substr(slash + 1);
}

}  // namespace quantum::execution
