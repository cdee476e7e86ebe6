#include "tests/support/redis_cluster.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/time.h>

#include <map>
#include <stdexcept>

#include "platform/base/id.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::testing {

namespace {

using Variables = std::map<std::string, std::string>;

constexpr const char* kMasterName = "mymaster";

// Replaces every ${NAME}; a name without a value is an error, as it is for the operator.
std::string Render(const std::string& text, const Variables& variables) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t open = text.find("${", at);
    out.append(text, at, open - at);
    if (open == std::string::npos) {
      return out;
    }
    const size_t close = text.find('}', open);
    const std::string name = text.substr(open + 2, close - open - 2);
    if (name != "VARIABLES") {  // the word in the templates' own comments
      out += variables.at(name);
    }
    at = close + 1;
  }
}

std::string Template(const std::string& name) { return ReadFile(checkout::SourceDirectory() + "/infra/redis/" + name); }

std::string ToText(const redisReply* reply) {
  std::string text;
  switch (reply->type) {
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply->integer);
    case REDIS_REPLY_ARRAY:
      for (size_t i = 0; i < reply->elements; ++i) {
        text += ToText(reply->element[i]) + "\n";
      }
      return text;
    case REDIS_REPLY_NIL:
      return {};
    default:
      return {reply->str, reply->len};
  }
}

// One command over a connection of its own; nothing when the server is away.
std::optional<std::string> AskServer(int port, const std::vector<std::string>& auth,
                                     const std::vector<std::string>& command) {
  const timeval timeout{3, 0};
  const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
      redisConnectWithTimeout("127.0.0.1", port, timeout), redisFree);
  if (!context || context->err != 0 || redisSetTimeout(context.get(), timeout) != REDIS_OK) {
    return std::nullopt;
  }
  std::optional<std::string> text;
  for (const std::vector<std::string>& words : {auth, command}) {
    std::vector<const char*> pointers;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
      pointers.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, void (*)(redisReply*)> reply(
        static_cast<redisReply*>(
            redisCommandArgv(context.get(), static_cast<int>(words.size()), pointers.data(), sizes.data())),
        [](redisReply* raw) { freeReplyObject(raw); });
    if (!reply) {
      return std::nullopt;
    }
    text = ToText(reply.get());
  }
  return text;
}

}  // namespace

RedisCluster::RedisCluster(std::chrono::milliseconds down_after)
    : directory_("quantum-redis"),
      ports_(FreePorts(2 * kNodes)),
      service_password_(NewIncarnation()),
      sentinel_password_(NewIncarnation()),
      replication_password_(NewIncarnation()),
      operator_password_(NewIncarnation()),
      sentinel_client_password_(NewIncarnation()),
      down_after_(down_after),
      nodes_(kNodes),
      sentinels_(kNodes) {
  for (size_t i = 0; i < kNodes; ++i) {
    RenderNode(i);
    RenderSentinel(i);
    StartNode(i);
  }
  // A sentinel that starts before the replicas are attached hears of them only ten seconds later.
  const bool attached = Eventually(std::chrono::seconds(60), [this] {
    return Ask(0, {"INFO", "replication"}).find("min_slaves_good_slaves:2") != std::string::npos;
  });
  if (!attached) {
    throw std::runtime_error("the Redis replicas do not attach; node 2 said:\n" +
                             ReadFile(NodeDirectory(1) / "output.log"));
  }
  for (size_t i = 0; i < kNodes; ++i) {
    StartSentinel(i);
  }
  AwaitHealthy();
}

RedisCluster::~RedisCluster() {
  for (auto* servers : {&sentinels_, &nodes_}) {
    for (auto& server : *servers) {
      if (server) {
        server->Signal(SIGCONT);
        server->Kill();
      }
    }
  }
}

std::filesystem::path RedisCluster::NodeDirectory(size_t node) const {
  return directory_.path() / ("redis-" + std::to_string(node + 1));
}

std::filesystem::path RedisCluster::SentinelDirectory(size_t sentinel) const {
  return directory_.path() / ("sentinel-" + std::to_string(sentinel + 1));
}

void RedisCluster::RenderNode(size_t node) const {
  const std::filesystem::path directory = NodeDirectory(node);
  std::filesystem::create_directory(directory);
  const Variables variables{{"REDIS_BIND", "127.0.0.1"},
                            {"REDIS_PORT", std::to_string(ports_[node])},
                            {"REDIS_ANNOUNCE_IP", "127.0.0.1"},
                            {"REDIS_DIR", directory.string()},
                            {"REDIS_ACL_FILE", (directory / "users.acl").string()},
                            {"REDIS_MAXMEMORY", "256mb"},
                            {"REDIS_REPLICAOF", node == 0 ? "" : "replicaof 127.0.0.1 " + std::to_string(ports_[0])},
                            {"REDIS_SERVICE_PASSWORD", service_password_},
                            {"REDIS_SENTINEL_PASSWORD", sentinel_password_},
                            {"REDIS_REPLICATION_PASSWORD", replication_password_},
                            {"REDIS_OPERATOR_PASSWORD", operator_password_}};
  WriteFile(directory / "redis.conf", Render(Template("redis.conf"), variables));
  WriteFile(directory / "users.acl", Render(Template("users.acl"), variables));
}

void RedisCluster::RenderSentinel(size_t sentinel) const {
  const std::filesystem::path directory = SentinelDirectory(sentinel);
  std::filesystem::create_directory(directory);
  std::string text = Render(Template("sentinel.conf"), {{"SENTINEL_BIND", "127.0.0.1"},
                                                        {"SENTINEL_PORT", std::to_string(ports_[kNodes + sentinel])},
                                                        {"SENTINEL_ANNOUNCE_IP", "127.0.0.1"},
                                                        {"SENTINEL_DIR", directory.string()},
                                                        {"SENTINEL_PASSWORD", sentinel_client_password_},
                                                        {"REDIS_MASTER_NAME", kMasterName},
                                                        {"REDIS_MASTER_IP", "127.0.0.1"},
                                                        {"REDIS_MASTER_PORT", std::to_string(ports_[0])},
                                                        {"REDIS_SENTINEL_PASSWORD", sentinel_password_}});
  const std::string down_after = std::string("sentinel down-after-milliseconds ") + kMasterName + " ";
  const size_t value = text.find(down_after) + down_after.size();
  text.replace(value, text.find('\n', value) - value, std::to_string(down_after_.count()));
  WriteFile(directory / "sentinel.conf", text);
  std::filesystem::copy_file(checkout::SourceDirectory() + "/infra/redis/on-event.sh", directory / "on-event.sh");
}

redis::ClientOptions RedisCluster::Options() const {
  redis::ClientOptions options;
  options.master_name = kMasterName;
  options.sentinel_password = sentinel_client_password_;
  options.user = "service";
  options.password = service_password_;
  for (size_t i = 0; i < kNodes; ++i) {
    options.sentinels.push_back({"127.0.0.1", ports_[kNodes + i]});
  }
  return options;
}

std::vector<redis::Endpoint> RedisCluster::nodes() const {
  std::vector<redis::Endpoint> endpoints;
  for (size_t i = 0; i < kNodes; ++i) {
    endpoints.push_back({"127.0.0.1", ports_[i]});
  }
  return endpoints;
}

std::optional<size_t> RedisCluster::Master() const {
  std::map<std::string, size_t> votes;
  for (size_t i = 0; i < kNodes; ++i) {
    ++votes[AskSentinel(i, {"SENTINEL", "get-master-addr-by-name", kMasterName})];
  }
  for (size_t node = 0; node < kNodes; ++node) {
    if (votes["127.0.0.1\n" + std::to_string(ports_[node]) + "\n"] > kNodes / 2) {
      return node;
    }
  }
  return std::nullopt;
}

size_t RedisCluster::AwaitMaster() const {
  std::optional<size_t> master;
  const bool agreed = Eventually(std::chrono::seconds(30), [&] {
    master = Master();
    return master && Ask(*master, {"ROLE"}).starts_with("master");
  });
  if (!agreed) {
    throw std::runtime_error("the sentinels in " + directory_.path().string() + " agree on no Redis master");
  }
  return *master;
}

void RedisCluster::SetDownAfter(std::chrono::milliseconds down_after) const {
  for (size_t i = 0; i < kNodes; ++i) {
    std::string answer;
    const bool done = Eventually(std::chrono::seconds(30), [&] {
      answer = AskSentinel(
          i, {"SENTINEL", "SET", kMasterName, "down-after-milliseconds", std::to_string(down_after.count())});
      return answer == "OK";
    });
    if (!done) {
      throw std::runtime_error("Redis sentinel " + std::to_string(i + 1) + " keeps its down-after: " + answer);
    }
  }
}

size_t RedisCluster::AwaitFailover(size_t node, std::chrono::milliseconds timeout) {
  std::optional<size_t> master;
  const bool moved = Eventually(timeout, [&] {
    master = Master();
    return master && *master != node && Ask(*master, {"ROLE"}).starts_with("master");
  });
  if (!moved) {
    throw std::runtime_error("no failover from Redis node " + std::to_string(node));
  }
  return *master;
}

bool RedisCluster::Healthy() const {
  const auto master = Master();
  if (!master) {
    return false;
  }
  const std::string info = Ask(*master, {"INFO", "replication"});
  if (info.find("role:master") == std::string::npos || info.find("min_slaves_good_slaves:2") == std::string::npos) {
    return false;
  }
  for (size_t i = 0; i < kNodes; ++i) {
    const std::string view = AskSentinel(i, {"INFO", "sentinel"});
    if (view.find("status=ok") == std::string::npos || view.find("slaves=2,sentinels=3") == std::string::npos) {
      return false;
    }
    if (i != *master && Ask(i, {"INFO", "replication"}).find("master_link_status:up") == std::string::npos) {
      return false;
    }
  }
  return true;
}

void RedisCluster::AwaitHealthy(std::chrono::milliseconds timeout) {
  if (!Eventually(timeout, [this] { return Healthy(); })) {
    throw std::runtime_error("the Redis cluster in " + directory_.path().string() +
                             " did not become healthy; node 1 said:\n" + ReadFile(NodeDirectory(0) / "output.log") +
                             "\nsentinel 1 said:\n" + ReadFile(SentinelDirectory(0) / "output.log"));
  }
}

void RedisCluster::KillNode(size_t node) { nodes_.at(node)->Kill(); }
void RedisCluster::StopNode(size_t node) { nodes_.at(node)->Stop(); }
void RedisCluster::PauseNode(size_t node) { nodes_.at(node)->Signal(SIGSTOP); }
void RedisCluster::ResumeNode(size_t node) { nodes_.at(node)->Signal(SIGCONT); }
void RedisCluster::KillSentinel(size_t sentinel) { sentinels_.at(sentinel)->Kill(); }

void RedisCluster::StartNode(size_t node) {
  const std::filesystem::path directory = NodeDirectory(node);
  nodes_.at(node).reset();
  nodes_.at(node).emplace(ProcessOptions{.command = {"redis-server", (directory / "redis.conf").string()},
                                         .output = directory / "output.log"});
}

void RedisCluster::StartSentinel(size_t sentinel) {
  const std::filesystem::path directory = SentinelDirectory(sentinel);
  sentinels_.at(sentinel).reset();
  // Debian has the name redis-sentinel in a package of its own, which nothing needs.
  sentinels_.at(sentinel).emplace(
      ProcessOptions{.command = {"redis-server", (directory / "sentinel.conf").string(), "--sentinel"},
                     .output = directory / "output.log"});
}

std::string RedisCluster::Ask(size_t node, const std::vector<std::string>& command) const {
  return AskServer(ports_[node], {"AUTH", "operator", operator_password_}, command).value_or("");
}

std::string RedisCluster::AskSentinel(size_t sentinel, const std::vector<std::string>& command) const {
  return AskServer(ports_[kNodes + sentinel], {"AUTH", sentinel_client_password_}, command).value_or("");
}

}  // namespace quantum::testing
