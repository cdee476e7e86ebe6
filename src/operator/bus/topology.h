#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/redis/client.h"

// What `quantum redis` shows: every node and sentinel asked by itself, and a planned failover. For fibers.
namespace quantum::operate {

struct NodeState {
  redis::Endpoint endpoint;
  std::string trouble;       // why it did not answer; empty when it did
  std::string role;          // "master", "slave"
  int64_t offset = 0;        // of the replication stream, in bytes
  int64_t behind_bytes = 0;  // of a replica: the master's offset less its own
  bool link_up = false;      // of a replica
  int64_t replicas = 0;      // of a master
  int64_t memory_bytes = 0;
  bool saving_failed = false;  // the last write of the append-only file failed
};

struct SentinelState {
  redis::Endpoint endpoint;
  std::string trouble;
  std::optional<redis::Endpoint> master;  // in its eyes
  bool quorum = false;                    // it reaches enough others to agree on a failover
};

struct Topology {
  std::vector<NodeState> nodes;
  std::vector<SentinelState> sentinels;
  std::optional<redis::Endpoint> master;  // which a majority of the sentinels names
  // What is not as it should be, a sentence each; empty: healthy.
  std::vector<std::string> problems;
};

// `nodes`: known from the manifest. The options are the operator's.
Topology ReadTopology(fiber::Loop& loop, const redis::ClientOptions& options,
                      const std::vector<redis::Endpoint>& nodes);

struct FailoverReport {
  redis::Endpoint before;
  redis::Endpoint after;
  Duration took{};  // from the command to the first write that the new master took
};
// Asks a sentinel for a failover and waits until the new master takes writes. kConflict: the topology is not healthy
// enough; kTimeout: no new master within 30 s.
Result<FailoverReport> FailOver(fiber::Loop& loop, const redis::ClientOptions& options,
                                const std::vector<redis::Endpoint>& nodes);

}  // namespace quantum::operate
