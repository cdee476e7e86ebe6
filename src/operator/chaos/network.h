#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/result.h"

namespace quantum::operate::chaos {

// Where servers and workers live: sites with an address each. Either network namespaces of our own, whose cables can be
// pulled, or, where the kernel refuses those (containers without privileges), this machine's loopback with free ports.
// Namespaces have no names: the kernel removes them with the last process inside.
class Network {
 public:
  // Moves the calling process into namespaces of its own (as root, or by a user namespace) and lays a cable to each
  // site. Precondition: a process with one thread, before it opens sockets. Falls back to loopback, and says why.
  static Result<Network> Make(size_t sites);
  ~Network();
  Network(Network&& other) noexcept : sites_(std::exchange(other.sites_, {})), why_not_(std::move(other.why_not_)) {}
  Network& operator=(Network&&) = delete;

  bool can_partition() const { return !sites_.empty(); }
  const std::string& why_not() const { return why_not_; }
  std::string AddressOf(size_t site) const;
  int NamespaceOf(size_t site) const;                // for ChildSpec; -1: ours
  int PortOf(size_t site, int wished) const;         // the wished one, or a free one on loopback; always the same
  Status SetCable(size_t site, bool plugged) const;  // between the site and everybody else
  // A file system in memory on the folder, seen by us and what we start; kUnavailable where that is not ours to do.
  Status MountMemory(const std::string& folder, size_t megabytes) const;

 private:
  Network() = default;
  Status Lay(size_t site);

  std::vector<int> sites_;  // descriptors of their namespaces
  std::string why_not_;
};

}  // namespace quantum::operate::chaos
