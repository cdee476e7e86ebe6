#include "operator/state/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

namespace quantum::operate {

namespace {

constexpr int kLowPortMax = 1023;

std::string Describe(const Holder& holder) {
  return holder.pid == 0 ? "a process of another user" : fmt::format("pid {} ({})", holder.pid, holder.command);
}

const Holder* Stranger(int port, const std::map<int, Holder>& listening, const std::set<pid_t>& ours) {
  const auto found = listening.find(port);
  return found == listening.end() || ours.contains(found->second.pid) ? nullptr : &found->second;
}

}  // namespace

Status CheckPortsFree(const std::vector<config::Unit>& units, int offset, const std::map<int, Holder>& listening,
                      const std::set<pid_t>& ours) {
  for (const config::Unit& unit : units) {
    if (unit.port == 0) {
      continue;
    }
    if (const Holder* holder = Stranger(unit.port + offset, listening, ours)) {
      return Error{Errc::kConflict,
                   fmt::format("port {} (for {}) is held by {}; stop it, or choose other ports with --port-offset N",
                               unit.port + offset, unit.name, Describe(*holder))};
    }
  }
  return {};
}

PortChoice ChoosePort(const config::Unit& unit, int offset, bool may_bind_low, const std::map<int, Holder>& listening,
                      const std::set<pid_t>& ours) {
  const int port = unit.port + offset;
  if (unit.fallback_port == 0) {
    return {.port = unit.port, .note = {}};
  }
  std::string why;
  if (port <= kLowPortMax && !may_bind_low) {
    why = "needs root";
  } else if (const Holder* holder = Stranger(port, listening, ours)) {
    why = "is held by " + Describe(*holder);
  } else {
    return {.port = unit.port, .note = {}};
  }
  return {
      .port = unit.fallback_port,
      .note = fmt::format("port {} {}: {} listens on {} instead", port, why, unit.name, unit.fallback_port + offset)};
}

bool MayBindLowPorts() {
  if (::geteuid() == 0) {
    return true;
  }
  std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  int first = kLowPortMax + 1;
  file >> first;
  return first <= 80;
}

}  // namespace quantum::operate
