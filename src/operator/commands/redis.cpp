#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "operator/bus/connect.h"
#include "operator/bus/topology.h"
#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

std::string Address(const redis::Endpoint& endpoint) { return fmt::format("{}:{}", endpoint.host, endpoint.port); }

// How many events wait in each service's outbox, as its own /health says; null for one that does not answer.
std::vector<std::pair<std::string, std::string>> ReadOutboxes(const Running& running) {
  std::vector<std::pair<std::string, std::string>> outboxes;
  for (const config::Unit& unit : running.manifest.units()) {
    if (unit.kind != config::Unit::Kind::kService) {
      continue;
    }
    const json::value health = AskHealth(running, unit.name);
    boost::system::error_code error;
    const json::value* const pending = health.find_pointer("/dependencies/eventbus/details/outbox_pending", error);
    if (pending != nullptr) {
      outboxes.emplace_back(unit.name, json::serialize(*pending));
    } else if (health.is_null() || health.find_pointer("/dependencies/eventbus", error) != nullptr) {
      outboxes.emplace_back(unit.name, "null");
    }
  }
  return outboxes;
}

json::object ToJson(const Topology& topology, const std::vector<std::pair<std::string, std::string>>& outboxes) {
  json::array nodes;
  for (const NodeState& node : topology.nodes) {
    nodes.push_back({{"address", Address(node.endpoint)},
                     {"role", node.role},
                     {"offset", node.offset},
                     {"behind_bytes", node.behind_bytes},
                     {"link_up", node.link_up},
                     {"replicas", node.replicas},
                     {"memory_bytes", node.memory_bytes},
                     {"trouble", node.trouble}});
  }
  json::array sentinels;
  for (const SentinelState& sentinel : topology.sentinels) {
    sentinels.push_back({{"address", Address(sentinel.endpoint)},
                         {"master", sentinel.master ? Address(*sentinel.master) : ""},
                         {"quorum", sentinel.quorum},
                         {"trouble", sentinel.trouble}});
  }
  json::object waiting;
  for (const auto& [service, pending] : outboxes) {
    waiting[service] = json::parse(pending);
  }
  return {{"master", topology.master ? Address(*topology.master) : ""},
          {"nodes", std::move(nodes)},
          {"sentinels", std::move(sentinels)},
          {"outbox_pending", std::move(waiting)},
          {"problems", json::array(topology.problems.begin(), topology.problems.end())}};
}

void PrintTables(const Topology& topology, const std::vector<std::pair<std::string, std::string>>& outboxes) {
  std::vector<std::vector<std::string>> nodes;
  for (const NodeState& node : topology.nodes) {
    const bool up = node.trouble.empty();
    nodes.push_back({Address(node.endpoint), up ? node.role : "away", up ? fmt::format("{}", node.offset) : "-",
                     node.role == "slave" ? fmt::format("{}", node.behind_bytes) : "-",
                     node.role == "slave" ? (node.link_up ? "up" : "down") : "-",
                     up ? fmt::format("{:.1f}", static_cast<double>(node.memory_bytes) / 1e6) : "-"});
  }
  Print("{}\n", FormatTable({"node", "role", "offset", "behind bytes", "link", "memory MB"}, nodes));
  std::vector<std::vector<std::string>> sentinels;
  for (const SentinelState& sentinel : topology.sentinels) {
    sentinels.push_back({Address(sentinel.endpoint), sentinel.master ? Address(*sentinel.master) : "-",
                         sentinel.quorum ? "yes" : "no"});
  }
  Print("{}\n", FormatTable({"sentinel", "names as master", "can fail over"}, sentinels));
  std::vector<std::vector<std::string>> waiting;
  for (const auto& [service, pending] : outboxes) {
    waiting.push_back({service, pending == "null" ? "-" : pending});
  }
  Print("{}\n", FormatTable({"outbox of", "events waiting"}, waiting));
  for (const std::string& problem : topology.problems) {
    Print("problem: {}\n", problem);
  }
  Print("{}", topology.problems.empty() ? "healthy\n" : "");
}

Status Show(Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const RedisAccess access, FindRedis(running));
  Topology topology;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    topology = ReadTopology(loop, access.options, access.nodes);
    return {};
  }));
  const auto outboxes = ReadOutboxes(running);
  if (context.json) {
    Print("{}\n", json::serialize(ToJson(topology, outboxes)));
  } else {
    PrintTables(topology, outboxes);
  }
  context.exit_code = topology.problems.empty() ? kOk : kFailed;
  return {};
}

Status PlannedFailover(const Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const RedisAccess access, FindRedis(running));
  FailoverReport report;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(report, FailOver(loop, access.options, access.nodes));
    return {};
  }));
  const double took_s = std::chrono::duration<double>(report.took).count();
  if (context.json) {
    Print("{}\n", json::serialize(json::object{
                      {"before", Address(report.before)}, {"after", Address(report.after)}, {"seconds", took_s}}));
  } else {
    Print("{} was the master, {} is: it took its first write after {:.2f} s\n", Address(report.before),
          Address(report.after), took_s);
  }
  return {};
}

}  // namespace

void AddRedis(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("redis", "Nodes, sentinels and outboxes; exit code 1 when something is wrong");
  command->add_flag("--json", context.json, "One JSON object");
  CLI::App* failover = command->add_subcommand("failover", "Make a replica the master, and say how long it took");
  failover->add_flag("--json", context.json, "One JSON object");
  failover->callback([&context] {
    const Status status = PlannedFailover(context);
    context.Finish(status);
  });
  command->callback([&context, command] {
    if (command->get_subcommands().empty()) {
      const Status status = Show(context);
      if (!status) {
        context.Finish(status);
      }
    }
  });
}

}  // namespace quantum::operate
