#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operator/chaos/child.h"
#include "operator/chaos/network.h"
#include "platform/fiber/fiber.h"
#include "platform/redis/client.h"

namespace quantum::operate::chaos {

// Three Redis nodes and three sentinels from the platform's own configuration (infra/redis), a node and a sentinel on
// each site of the network. Node 0 begins as master. For fibers of the loop. They end with this object.
class Cluster {
 public:
  static constexpr size_t kNodes = 3;

  // folder: theirs. Returns when replicas are attached and the sentinels agree.
  static Result<std::unique_ptr<Cluster>> Start(fiber::Loop& loop, const Network& network, std::string folder,
                                                std::string infra);

  redis::ClientOptions Options() const;  // for services

  Child& node(size_t i) { return *nodes_.at(i); }
  Child& sentinel(size_t i) { return *sentinels_.at(i); }
  // From the configuration that they rewrote themselves. Precondition: it has ended.
  Status StartNode(size_t i);
  Status StartSentinel(size_t i);

  // As the user `operator`, on a connection of its own; error replies are errors.
  Result<redis::Reply> Ask(size_t node, redis::Command command) const;
  Result<redis::Reply> AskSentinel(size_t sentinel, redis::Command command) const;

  // By what a majority of sentinels says and the node confirms; nothing while they disagree.
  std::optional<size_t> Master() const;
  // Waits until the master is another one than this.
  Result<size_t> AwaitFailover(size_t from, Duration timeout) const;
  // One master, the rest attached and in sync, all sentinels agree.
  bool IsHealthy() const;
  // What each node and sentinel has printed last: why it is not.
  std::string LastWords() const;

  std::string FolderOf(size_t node) const;

 private:
  Cluster(fiber::Loop& loop, const Network& network, std::string folder, std::string infra);
  Status Render() const;
  Status Bring();

  fiber::Loop& loop_;
  const Network& network_;
  const std::string folder_;
  const std::string infra_;
  std::string service_password_, sentinel_password_, replication_password_, operator_password_, door_password_;
  std::vector<std::optional<Child>> nodes_;
  std::vector<std::optional<Child>> sentinels_;
};

}  // namespace quantum::operate::chaos
