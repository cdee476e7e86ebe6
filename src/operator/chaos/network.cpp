#include "operator/chaos/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "operator/chaos/child.h"

namespace quantum::operate::chaos {

namespace {

Error Refused(const std::string& what) {
  return {Errc::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno))};
}

Status WriteTo(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const Error error = Refused("writing " + path);
  if (file >= 0) {
    ::close(file);
  }
  return written ? Status() : Status(error);
}

// Another user than root gets a user namespace in which it may do this.
Status Unshare() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare((user == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWNS) != 0) {
    return Refused("namespaces of our own");
  }
  if (user != 0) {
    QUANTUM_CHECK(WriteTo("/proc/self/setgroups", "deny"));
    QUANTUM_CHECK(WriteTo("/proc/self/uid_map", fmt::format("0 {} 1", user)));
    QUANTUM_CHECK(WriteTo("/proc/self/gid_map", fmt::format("0 {} 1", group)));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Refused("keeping our mounts to ourselves");
  }
  QUANTUM_CHECK(RunCommand({"ip", "link", "set", "lo", "up"}));
  return WriteTo("/proc/sys/net/ipv4/ip_forward", "1");
}

// A process that does nothing but hold a new network namespace; killed once we hold that ourselves.
Result<pid_t> StartHolder() {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) {
    return Refused("a pipe");
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::unshare(CLONE_NEWNET) == 0 && ::write(ready[1], "r", 1) == 1) {
      ::pause();
    }
    ::_exit(1);
  }
  ::close(ready[1]);
  char byte = 0;
  const bool up = pid > 0 && ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  if (!up && pid > 0) {
    ::waitpid(pid, nullptr, 0);
  }
  return up ? Result<pid_t>(pid) : Result<pid_t>(Refused("a network namespace for a site"));
}

bool IsFree(int port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(listener);
  return free;
}

}  // namespace

Result<Network> Network::Make(size_t sites) {
  Network network;
  Status status = RunCommand({"ip", "-V"});
  if (status) {
    status = Unshare();
  }
  for (size_t site = 0; site < sites && status; ++site) {
    status = network.Lay(site);
  }
  if (!status) {
    for (const int each : network.sites_) {
      ::close(each);
    }
    network.sites_.clear();
    network.why_not_ = status.error().message;
  }
  return network;
}

Network::~Network() {
  for (const int site : sites_) {
    ::close(site);
  }
}

Status Network::Lay(size_t site) {
  QUANTUM_TRY(const pid_t holder, StartHolder());
  const std::string cable = fmt::format("cable{}", site);
  const std::string here = fmt::format("10.77.{}.1", site);
  const int space = ::open(fmt::format("/proc/{}/ns/net", holder).c_str(), O_RDONLY | O_CLOEXEC);
  Status status = space >= 0 ? Status() : Status(Refused("opening a site's namespace"));
  if (status) {
    sites_.push_back(space);
    status = RunCommand(
        {"ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", std::to_string(holder)});
  }
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  QUANTUM_CHECK(status);
  QUANTUM_CHECK(RunCommand({"ip", "addr", "add", here + "/24", "dev", cable}));
  QUANTUM_CHECK(RunCommand({"ip", "link", "set", cable, "up"}));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"ip", "link", "set", "lo", "up"},
                                             {"ip", "addr", "add", AddressOf(site) + "/24", "dev", "eth0"},
                                             {"ip", "link", "set", "eth0", "up"},
                                             {"ip", "route", "add", "default", "via", here}}) {
    QUANTUM_CHECK(RunCommand(command, space));
  }
  return {};
}

std::string Network::AddressOf(size_t site) const {
  return sites_.empty() ? "127.0.0.1" : fmt::format("10.77.{}.2", site);
}

int Network::NamespaceOf(size_t site) const { return sites_.empty() ? -1 : sites_.at(site); }

int Network::PortOf(size_t site, int wished) const {
  if (!sites_.empty()) {
    return wished;
  }
  static std::map<std::pair<size_t, int>, int> given;
  static int next = 10000 + static_cast<int>(::getpid() % 1000) * 20;
  const auto [found, fresh] = given.try_emplace({site, wished}, 0);
  while (fresh && !IsFree(found->second = next++)) {
    next = next > 31000 ? 10000 : next;
  }
  return found->second;
}

Status Network::SetCable(size_t site, bool plugged) const {
  return RunCommand({"ip", "link", "set", fmt::format("cable{}", site), plugged ? "up" : "down"});
}

Status Network::MountMemory(const std::string& folder, size_t megabytes) const {
  if (sites_.empty() ||
      ::mount("none", folder.c_str(), "tmpfs", 0, fmt::format("size={}m,mode=700", megabytes).c_str()) != 0) {
    return Error{Errc::kUnavailable, fmt::format("a disk in memory on {} cannot be mounted", folder)};
  }
  return {};
}

}  // namespace quantum::operate::chaos
