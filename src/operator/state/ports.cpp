#include "operator/state/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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
    std::set<int> ports{unit.port};
    for (const auto& [name, port] : unit.ports) {
      ports.insert(port);
    }
    ports.erase(0);
    for (const int port : ports) {
      if (const Holder* holder = Stranger(port + offset, listening, ours)) {
        return Error{Errc::kConflict,
                     fmt::format("port {} (for {}) is held by {}; stop it, or choose other ports with --port-offset N",
                                 port + offset, unit.name, Describe(*holder))};
      }
    }
  }
  return {};
}

Status CheckBindable(const std::string& address) {
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = 0, .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) {
    return Error{Errc::kInvalidArgument, fmt::format("bind: '{}' is no IP address", address)};
  }
  const sockaddr* const wanted = is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  const int probe = ::socket(wanted->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = probe >= 0 && ::bind(probe, wanted, is_v4 ? sizeof(v4) : sizeof(v6)) == 0;
  const int error = errno;
  if (probe >= 0) {
    ::close(probe);
  }
  if (bound) {
    return {};
  }
  return Error{
      Errc::kInvalidArgument,
      fmt::format("bind: {} is no address that this machine can listen on ({}); `ip address` lists those it has",
                  address, std::strerror(error))};
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
