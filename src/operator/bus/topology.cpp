#include "operator/bus/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "platform/base/clock.h"
#include "platform/resilience/resilience.h"

namespace quantum::operate {

namespace {

using namespace std::chrono_literals;

constexpr Duration kNodeAnswerMax = 1s;
constexpr Duration kFailoverMax = 30s;

std::string TextOf(const redis::Endpoint& endpoint) { return fmt::format("{}:{}", endpoint.host, endpoint.port); }

// "name:value" lines of INFO.
std::map<std::string, std::string> ParseInfo(const std::string& text) {
  std::map<std::string, std::string> values;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find("\r\n", begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (const size_t colon = line.find(':'); colon != std::string::npos) {
      values[line.substr(0, colon)] = line.substr(colon + 1);
    }
    begin = end + 2;
  }
  return values;
}

int64_t ToNumber(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<redis::Reply> Ask(fiber::Loop& loop, const redis::Endpoint& endpoint, const std::string& user,
                         const std::string& password, const redis::Command& command) {
  QUANTUM_TRY(const auto connection, redis::Connection::Open(loop, endpoint, user, password, kNodeAnswerMax));
  QUANTUM_TRY(redis::Reply reply, connection->Run(command, kNodeAnswerMax));
  if (reply.is_error()) {
    return Error{Errc::kInternal, reply.text};
  }
  return reply;
}

NodeState ReadNode(fiber::Loop& loop, const redis::ClientOptions& options, const redis::Endpoint& endpoint) {
  NodeState node{.endpoint = endpoint};
  const auto info = Ask(loop, endpoint, options.user, options.password, {"INFO"});
  if (!info) {
    node.trouble = info.error().message;
    return node;
  }
  auto values = ParseInfo(info->text);
  node.role = values["role"];
  node.offset = ToNumber(values[node.role == "master" ? "master_repl_offset" : "slave_repl_offset"]);
  node.link_up = values["master_link_status"] == "up";
  node.replicas = ToNumber(values["connected_slaves"]);
  node.memory_bytes = ToNumber(values["used_memory"]);
  node.saving_failed = values["aof_last_write_status"] != "ok";
  return node;
}

SentinelState ReadSentinel(fiber::Loop& loop, const redis::ClientOptions& options, const redis::Endpoint& endpoint) {
  SentinelState sentinel{.endpoint = endpoint};
  const auto address =
      Ask(loop, endpoint, "", options.sentinel_password, {"SENTINEL", "get-master-addr-by-name", options.master_name});
  if (!address) {
    sentinel.trouble = address.error().message;
    return sentinel;
  }
  if (address->elements.size() == 2) {
    sentinel.master = {address->elements[0].text, static_cast<int>(ToNumber(address->elements[1].text))};
  }
  sentinel.quorum =
      Ask(loop, endpoint, "", options.sentinel_password, {"SENTINEL", "CKQUORUM", options.master_name}).ok();
  return sentinel;
}

void Judge(Topology& topology) {
  std::map<redis::Endpoint, size_t> votes;
  for (const SentinelState& sentinel : topology.sentinels) {
    if (!sentinel.trouble.empty()) {
      topology.problems.push_back(fmt::format("sentinel {}: {}", TextOf(sentinel.endpoint), sentinel.trouble));
    } else if (!sentinel.quorum) {
      topology.problems.push_back(
          fmt::format("sentinel {} does not reach enough others for a failover", TextOf(sentinel.endpoint)));
    }
    if (sentinel.master && ++votes[*sentinel.master] * 2 > topology.sentinels.size()) {
      topology.master = sentinel.master;
    }
  }
  if (!topology.master) {
    topology.problems.emplace_back("no majority of sentinels names a master");
  } else if (votes.size() > 1) {
    topology.problems.emplace_back("the sentinels disagree about the master");
  }
  int64_t master_offset = 0;
  for (const NodeState& node : topology.nodes) {
    const bool master = topology.master == node.endpoint;
    if (master) {
      master_offset = node.offset;
    }
    if (!node.trouble.empty()) {
      topology.problems.push_back(fmt::format("node {}: {}", TextOf(node.endpoint), node.trouble));
    } else if ((node.role == "master") != master) {
      topology.problems.push_back(fmt::format("node {} says that it is a {}", TextOf(node.endpoint), node.role));
    } else if (!master && !node.link_up) {
      topology.problems.push_back(fmt::format("replica {} is not connected to the master", TextOf(node.endpoint)));
    }
    if (node.saving_failed && node.trouble.empty()) {
      topology.problems.push_back(
          fmt::format("node {} could not write its append-only file; look at its disk", TextOf(node.endpoint)));
    }
  }
  for (NodeState& node : topology.nodes) {
    node.behind_bytes = node.role == "slave" ? std::max<int64_t>(master_offset - node.offset, 0) : 0;
  }
}

}  // namespace

Topology ReadTopology(fiber::Loop& loop, const redis::ClientOptions& options,
                      const std::vector<redis::Endpoint>& nodes) {
  Topology topology;
  for (const redis::Endpoint& sentinel : options.sentinels) {
    topology.sentinels.push_back(ReadSentinel(loop, options, sentinel));
  }
  for (const redis::Endpoint& node : nodes) {
    topology.nodes.push_back(ReadNode(loop, options, node));
  }
  Judge(topology);
  return topology;
}

Result<FailoverReport> FailOver(fiber::Loop& loop, const redis::ClientOptions& options,
                                const std::vector<redis::Endpoint>& nodes) {
  const Topology before = ReadTopology(loop, options, nodes);
  if (!before.problems.empty()) {
    return Error{Errc::kConflict, "no failover while something is wrong: " + before.problems.front()};
  }
  const SteadyTime started = SystemClock().Steady();
  QUANTUM_TRY(const auto accepted, Ask(loop, options.sentinels.front(), "", options.sentinel_password,
                                       {"SENTINEL", "FAILOVER", options.master_name}));
  FailoverReport report{.before = *before.master, .after = {}, .took = {}};
  while (SystemClock().Steady() - started < kFailoverMax) {
    for (const redis::Endpoint& node : nodes) {
      // A write, for a master that has no replica yet takes none.
      if (node != report.before &&
          Ask(loop, node, options.user, options.password, {"SET", "quantum:failover:probe", "1", "PX", "1000"}).ok()) {
        report.after = node;
        report.took = SystemClock().Steady() - started;
        return report;
      }
    }
    fiber::SleepFor(20ms);
  }
  return Error{Errc::kTimeout, "no new master takes writes after 30 s; see quantum redis and the sentinels' logs"};
}

}  // namespace quantum::operate
