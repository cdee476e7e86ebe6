#include "platform/lifecycle/servers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "platform/config/secrets.h"

namespace quantum::lifecycle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr int64_t kReplicasMax = 5;

std::optional<std::string> Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::vector<redis::Endpoint> SentinelUnits(const config::Manifest& manifest) {
  std::vector<redis::Endpoint> sentinels;
  for (const config::Unit& unit : manifest.units()) {
    if (unit.name.starts_with("sentinel-") && unit.port != 0) {
      sentinels.push_back({manifest.AddressOf(unit.name), manifest.Port(unit.name)});
    }
  }
  return sentinels;
}

}  // namespace

SecretReader SecretsOf(const config::Manifest& manifest) {
  return [directory = manifest.state_directory() + "/secrets"](std::string_view name) {
    return config::ReadSecret(directory, name);
  };
}

Result<redis::ClientOptions> RedisOptions(const config::Manifest& manifest, const SecretReader& secret) {
  redis::ClientOptions options;
  config::Section servers = manifest.Top("servers");
  config::Section section = servers.GetSection("redis");
  options.master_name = section.GetString("master_name", options.master_name);
  options.command_timeout =
      section.GetDuration("command_timeout", options.command_timeout, milliseconds(10), minutes(1));
  const std::vector<std::string> listed = section.GetStrings("sentinels", {});
  section.GetInt("replicas_required", 1, 0, kReplicasMax);  // for ReplicasRequired
  QUANTUM_CHECK(section.Finish());
  const auto hosts = Environment("REDIS_SENTINEL_HOSTS");
  if (hosts || !listed.empty()) {
    const std::string text = hosts ? *hosts : fmt::format("{}", fmt::join(listed, ","));
    Result<std::vector<redis::Endpoint>> parsed = redis::ParseEndpoints(text);
    if (!parsed.ok()) {
      return parsed.error().Within(hosts ? "REDIS_SENTINEL_HOSTS" : "servers.redis.sentinels of the manifest");
    }
    options.sentinels = *std::move(parsed);
  } else {
    options.sentinels = SentinelUnits(manifest);
  }
  if (options.sentinels.empty()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} names no sentinel: add the units sentinel-1… or servers.redis.sentinels, or set "
                             "REDIS_SENTINEL_HOSTS",
                             manifest.path())};
  }
  options.master_name = Environment("REDIS_MASTER_NAME").value_or(options.master_name);
  options.secret = config::kRedisService;
  QUANTUM_TRY(options.password, secret(options.secret));
  options.sentinel_secret = config::kSentinelClient;
  QUANTUM_TRY(options.sentinel_password, secret(options.sentinel_secret));
  return options;
}

int ReplicasRequired(const config::Manifest& manifest) {
  const auto nodes = std::count_if(manifest.units().begin(), manifest.units().end(),
                                   [](const config::Unit& unit) { return unit.name.starts_with("redis-"); });
  config::Section servers = manifest.Top("servers");
  return static_cast<int>(servers.GetSection("redis").GetInt("replicas_required", nodes == 1 ? 0 : 1, 0, kReplicasMax));
}

int StandbysRequired(const config::Manifest& manifest) {
  const auto nodes = std::count_if(manifest.units().begin(), manifest.units().end(),
                                   [](const config::Unit& unit) { return unit.name.starts_with("postgres-"); });
  config::Section servers = manifest.Top("servers");
  return static_cast<int>(servers.GetSection("postgres").GetInt("standbys_required", nodes > 1 ? 1 : 0, 0, 1));
}

Result<postgres::PoolOptions> PostgresOptions(const config::Manifest& manifest, const SecretReader& secret) {
  postgres::PoolOptions options;
  config::Section servers = manifest.Top("servers");
  config::Section section = servers.GetSection("postgres");
  for (const char* unit : {"haproxy", "pgbouncer"}) {
    if (const config::Unit* found = manifest.FindUnit(unit); found != nullptr && found->port != 0) {
      options.host = manifest.AddressOf(unit);
      options.port = manifest.Port(unit);
    }
  }
  options.host = section.GetString("host", options.host);
  options.port = static_cast<int>(section.GetInt("port", options.port, 1, 65535));
  options.database = section.GetString("database", options.database);
  options.user = section.GetString("user", options.user);
  options.connections_max =
      static_cast<size_t>(section.GetInt("connections_max", static_cast<int64_t>(options.connections_max), 1, 100));
  options.statement_timeout =
      section.GetDuration("statement_timeout", options.statement_timeout, milliseconds(10), minutes(10));
  section.GetInt("standbys_required", 1, 0, 1);  // for StandbysRequired
  QUANTUM_CHECK(section.Finish());
  QUANTUM_TRY(options.password, secret(config::kPostgresService));
  return options;
}

}  // namespace quantum::lifecycle
