#include "platform/base/process_identity.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

namespace quantum {
namespace {

const std::string& BootId() {
  static const std::string id = [] {
    std::string text;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> text;
    return text;
  }();
  return id;
}

// The fields of /proc/PID/stat after the command's name, which may hold spaces and parentheses.
std::vector<std::string> StatFields(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::ostringstream text;
  text << file.rdbuf();
  const std::string line = text.str();
  const size_t close = line.rfind(')');
  std::vector<std::string> fields;
  if (close != std::string::npos) {
    std::istringstream rest(line.substr(close + 1));
    for (std::string field; rest >> field;) {
      fields.push_back(field);
    }
  }
  return fields;
}

}  // namespace

Result<Identity> Identify(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") {
    return Error{Errc::kNotFound, fmt::format("there is no process {}", pid)};
  }
  return Identity{.pid = pid, .start_ticks = std::strtoull(fields[19].c_str(), nullptr, 10), .boot_id = BootId()};
}

bool IsAlive(const Identity& identity) {
  const auto now = Identify(identity.pid);
  return now.ok() && now.value() == identity;
}

}  // namespace quantum
