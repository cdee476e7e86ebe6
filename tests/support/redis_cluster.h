#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/redis/client.h"
#include "tests/support/process.h"

namespace quantum::testing {

// Three Redis nodes and three sentinels from the project's own configuration (infra/redis), on free ports of 127.0.0.1
// in a temporary directory. Everything stops with this object. Nodes are numbered from 0; node 0 is the first master.
class RedisCluster {
 public:
  static constexpr size_t kNodes = 3;

  // The sentinels call a node down after this silence. Where no failover is wanted a starved node must not cause one:
  // kPatient. Where one is under test, and in production: kQuick.
  static constexpr std::chrono::milliseconds kQuick{1000};
  static constexpr std::chrono::milliseconds kPatient{30000};

  // Returns when the topology is healthy: one master with two replicas, and all sentinels know all of it.
  explicit RedisCluster(std::chrono::milliseconds down_after = kPatient);
  ~RedisCluster();
  RedisCluster(const RedisCluster&) = delete;
  RedisCluster& operator=(const RedisCluster&) = delete;

  redis::ClientOptions Options() const;  // as the user `service`
  std::vector<redis::Endpoint> nodes() const;
  const std::string& operator_password() const { return operator_password_; }

  // By what a majority of sentinels says; nothing while they disagree.
  std::optional<size_t> Master() const;
  // Waits until they agree, and the node says so too; throws after 30 s. Its number.
  size_t AwaitMaster() const;
  // For all that comes, with every sentinel.
  void SetDownAfter(std::chrono::milliseconds down_after) const;
  // Waits until node is no longer the master in the sentinels' eyes and its successor takes writes. Its number.
  size_t AwaitFailover(size_t node, std::chrono::milliseconds timeout = std::chrono::seconds(30));
  // One master, the rest attached and in sync, sentinels agree. Throws when it takes too long.
  void AwaitHealthy(std::chrono::milliseconds timeout = std::chrono::seconds(60));

  void KillNode(size_t node);   // SIGKILL
  void StopNode(size_t node);   // SIGTERM
  void StartNode(size_t node);  // from the configuration that it rewrote itself
  void PauseNode(size_t node);  // SIGSTOP
  void ResumeNode(size_t node);
  void KillSentinel(size_t sentinel);
  void StartSentinel(size_t sentinel);

  // A command on a node, as the user `operator`; blocks the thread. The reply's text, "" when there is none; integers
  // as text; elements of an array one a line.
  std::string Ask(size_t node, const std::vector<std::string>& command) const;
  std::string AskSentinel(size_t sentinel, const std::vector<std::string>& command) const;

  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  std::filesystem::path NodeDirectory(size_t node) const;
  std::filesystem::path SentinelDirectory(size_t sentinel) const;
  void RenderNode(size_t node) const;
  void RenderSentinel(size_t sentinel) const;
  bool Healthy() const;

  TemporaryDirectory directory_;
  std::vector<int> ports_;  // of the nodes, then of the sentinels
  std::string service_password_;
  std::string sentinel_password_;
  std::string replication_password_;
  std::string operator_password_;
  std::string sentinel_client_password_;
  std::chrono::milliseconds down_after_;
  std::vector<std::optional<Process>> nodes_;
  std::vector<std::optional<Process>> sentinels_;
};

}  // namespace quantum::testing
