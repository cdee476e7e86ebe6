#include "services/execution/process_name.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "platform/base/process_identity.h"

namespace quantum::execution {
namespace {

// pid:[4026531836]; empty: not known.
std::string PidNamespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

std::string NameOf(const Identity& identity) {
  return fmt::format("{}/{}/{}/{}", identity.boot_id, PidNamespace(), identity.pid, identity.start_ticks);
}

}  // namespace

std::string ProcessName(pid_t pid) {
  const auto identity = Identify(pid);
  return identity.ok() && !identity->boot_id.empty() && !PidNamespace().empty() ? NameOf(*identity) : std::string();
}

bool HasEnded(std::string_view process_name) {
  const std::string ours = ProcessName(::getpid());
  const size_t machine = ours.find('/', ours.find('/') + 1) + 1;  // the length of "<boot id>/<pid namespace>/"
  const size_t slash = process_name.rfind('/');
  if (ours.empty() || !process_name.starts_with(ours.substr(0, machine)) || slash < machine) {
    return false;
  }
  const std::string_view digits = process_name.substr(machine, slash - machine);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  if (error != std::errc() || end != digits.data() + digits.size() || pid <= 0) {
    return false;
  }
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    return true;
  }
  const auto now = Identify(pid);  // pids are used again
  return now.ok() && NameOf(*now) != process_name;
}

}  // namespace quantum::execution
