#include "operator/chaos/cluster.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "operator/chaos/wait.h"
#include "operator/process/words.h"
#include "operator/state/render.h"
#include "platform/base/durable_file.h"
#include "platform/base/id.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "mymaster";
constexpr int kNodePort = 6379;
constexpr int kSentinelPort = 26379;
constexpr int kLastLines = 25;

Result<redis::Reply> AskServer(fiber::Loop& loop, const redis::Endpoint& endpoint, const std::string& user,
                               const std::string& password, const redis::Command& command) {
  QUANTUM_TRY(const auto connection, redis::Connection::Open(loop, endpoint, user, password, 1s));
  QUANTUM_TRY(redis::Reply reply, connection->Run(command, 2s));
  if (reply.is_error()) {
    return Error{Errc::kInternal, fmt::format("{}: {}", command.front(), reply.text)};
  }
  return reply;
}

bool Contains(const Result<redis::Reply>& reply, std::string_view what) {
  return reply.ok() && reply->text.find(what) != std::string::npos;
}

}  // namespace

Cluster::Cluster(fiber::Loop& loop, const Network& network, std::string folder, std::string infra)
    : loop_(loop),
      network_(network),
      folder_(std::move(folder)),
      infra_(std::move(infra)),
      service_password_(NewIncarnation()),
      sentinel_password_(NewIncarnation()),
      replication_password_(NewIncarnation()),
      operator_password_(NewIncarnation()),
      door_password_(NewIncarnation()),
      nodes_(kNodes),
      sentinels_(kNodes) {}

Result<std::unique_ptr<Cluster>> Cluster::Start(fiber::Loop& loop, const Network& network, std::string folder,
                                                std::string infra) {
  std::unique_ptr<Cluster> cluster(new Cluster(loop, network, std::move(folder), std::move(infra)));
  QUANTUM_CHECK(cluster->Render());
  QUANTUM_CHECK(cluster->Bring());
  return cluster;
}

std::string Cluster::FolderOf(size_t node) const { return fmt::format("{}/redis-{}", folder_, node + 1); }

Status Cluster::Render() const {
  for (size_t i = 0; i < kNodes; ++i) {
    const std::string node = FolderOf(i);
    const std::string sentinel = fmt::format("{}/sentinel-{}", folder_, i + 1);
    std::filesystem::create_directories(node);
    std::filesystem::create_directories(sentinel);
    const std::string address = network_.AddressOf(i);
    const std::string first = network_.AddressOf(0);
    const std::string first_port = std::to_string(network_.PortOf(0, kNodePort));
    Variables variables;
    variables.plain = {{"VARIABLES", "${VARIABLES}"},  // the files' own comments speak of them
                       {"REDIS_BIND", address},
                       {"REDIS_PORT", std::to_string(network_.PortOf(i, kNodePort))},
                       {"REDIS_ANNOUNCE_IP", address},
                       {"REDIS_DIR", node},
                       {"REDIS_ACL_FILE", node + "/users.acl"},
                       {"REDIS_MAXMEMORY", "512mb"},
                       {"REDIS_REPLICAOF", i == 0 ? "" : fmt::format("replicaof {} {}", first, first_port)},
                       {"REDIS_MASTER_NAME", kName},
                       {"REDIS_MASTER_IP", first},
                       {"REDIS_MASTER_PORT", first_port},
                       {"SENTINEL_BIND", address},
                       {"SENTINEL_PORT", std::to_string(network_.PortOf(i, kSentinelPort))},
                       {"SENTINEL_ANNOUNCE_IP", address},
                       {"SENTINEL_DIR", sentinel}};
    variables.secret = {{"REDIS_SERVICE_PASSWORD", service_password_},
                        {"REDIS_SENTINEL_PASSWORD", sentinel_password_},
                        {"REDIS_REPLICATION_PASSWORD", replication_password_},
                        {"REDIS_OPERATOR_PASSWORD", operator_password_},
                        {"SENTINEL_PASSWORD", door_password_}};
    const std::map<std::string, std::string> files{
        {"redis.conf", node}, {"users.acl", node}, {"sentinel.conf", sentinel}};
    for (const auto& [name, to] : files) {
      const std::string from = fmt::format("{}/redis/{}", infra_, name);
      QUANTUM_TRY(const std::string text, ReadFile(from));
      QUANTUM_TRY(const Rendered rendered, operate::Render(text, variables, from));
      QUANTUM_CHECK(WriteFileDurably(fmt::format("{}/{}", to, name), rendered.text));
    }
    QUANTUM_TRY(const std::string script, ReadFile(infra_ + "/redis/on-event.sh"));
    QUANTUM_CHECK(WriteFileAtomically(sentinel + "/on-event.sh", script, 0700));
  }
  return {};
}

Status Cluster::Bring() {
  for (size_t i = 0; i < kNodes; ++i) {
    QUANTUM_CHECK(StartNode(i));
  }
  // A sentinel that starts before the replicas are attached hears of them only ten seconds later.
  if (!Eventually(30s, [this] { return Contains(Ask(0, {"INFO", "replication"}), "min_slaves_good_slaves:2"); })) {
    return Error{Errc::kUnavailable, fmt::format("the Redis replicas do not attach; see {}/output.log", FolderOf(1))};
  }
  for (size_t i = 0; i < kNodes; ++i) {
    QUANTUM_CHECK(StartSentinel(i));
  }
  if (!Eventually(60s, [this] { return IsHealthy(); })) {
    return Error{Errc::kUnavailable, "the sentinels do not agree; see sentinel-1/output.log in " + folder_};
  }
  return {};
}

redis::ClientOptions Cluster::Options() const {
  redis::ClientOptions options;
  options.master_name = kName;
  options.sentinel_password = door_password_;
  options.user = "service";
  options.password = service_password_;
  for (size_t i = 0; i < kNodes; ++i) {
    options.sentinels.push_back({network_.AddressOf(i), network_.PortOf(i, kSentinelPort)});
  }
  return options;
}

Status Cluster::StartNode(size_t i) {
  const std::string folder = FolderOf(i);
  QUANTUM_TRY(nodes_[i], Child::Start({.command = {"redis-server", folder + "/redis.conf"},
                                       .output = folder + "/output.log",
                                       .network = network_.NamespaceOf(i)}));
  return {};
}

Status Cluster::StartSentinel(size_t i) {
  const std::string folder = fmt::format("{}/sentinel-{}", folder_, i + 1);
  QUANTUM_TRY(sentinels_[i], Child::Start({.command = {"redis-server", folder + "/sentinel.conf", "--sentinel"},
                                           .output = folder + "/output.log",
                                           .network = network_.NamespaceOf(i)}));
  return {};
}

Result<redis::Reply> Cluster::Ask(size_t node, redis::Command command) const {
  return AskServer(loop_, {network_.AddressOf(node), network_.PortOf(node, kNodePort)}, "operator", operator_password_,
                   command);
}

Result<redis::Reply> Cluster::AskSentinel(size_t sentinel, redis::Command command) const {
  return AskServer(loop_, {network_.AddressOf(sentinel), network_.PortOf(sentinel, kSentinelPort)}, "", door_password_,
                   command);
}

std::optional<size_t> Cluster::Master() const {
  std::map<std::string, size_t> votes;
  for (size_t i = 0; i < kNodes; ++i) {
    const auto said = AskSentinel(i, {"SENTINEL", "get-master-addr-by-name", kName});
    if (said.ok() && said->elements.size() == 2) {
      ++votes[said->elements[0].text + ":" + said->elements[1].text];
    }
  }
  for (size_t node = 0; node < kNodes; ++node) {
    if (votes[fmt::format("{}:{}", network_.AddressOf(node), network_.PortOf(node, kNodePort))] > kNodes / 2) {
      const auto role = Ask(node, {"ROLE"});
      return role.ok() && !role->elements.empty() && role->elements[0].text == "master" ? std::optional(node)
                                                                                        : std::nullopt;
    }
  }
  return std::nullopt;
}

Result<size_t> Cluster::AwaitFailover(size_t from, Duration timeout) const {
  std::optional<size_t> master;
  const bool moved = Eventually(timeout, [&] {
    master = Master();
    return master && *master != from;
  });
  if (!moved) {
    return Error{Errc::kTimeout, fmt::format("no failover from Redis node {}", from + 1)};
  }
  return *master;
}

bool Cluster::IsHealthy() const {
  const auto master = Master();
  if (!master || !Contains(Ask(*master, {"INFO", "replication"}), "min_slaves_good_slaves:2")) {
    return false;
  }
  for (size_t i = 0; i < kNodes; ++i) {
    const auto view = AskSentinel(i, {"INFO", "sentinel"});
    if (!Contains(view, "status=ok") || !Contains(view, "slaves=2,sentinels=3")) {
      return false;
    }
    if (i != *master && !Contains(Ask(i, {"INFO", "replication"}), "master_link_status:up")) {
      return false;
    }
  }
  return true;
}

std::string Cluster::LastWords() const {
  std::string words;
  for (size_t i = 0; i < kNodes; ++i) {
    for (const char* server : {"redis", "sentinel"}) {
      const std::string name = fmt::format("{}-{}", server, i + 1);
      words += fmt::format("{}:\n{}\n", name, TailSince(fmt::format("{}/{}/output.log", folder_, name), 0, kLastLines));
    }
  }
  return words;
}

}  // namespace quantum::operate::chaos
