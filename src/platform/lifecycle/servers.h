#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "platform/config/manifest.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"

// Where Redis and Postgres are, from the manifest: the units sentinel-1… and pgbouncer (else haproxy), unless
//
//   servers:
//     redis: {master_name: mymaster, sentinels: [10.0.0.1:26379], command_timeout: 5s, replicas_required: 1}
//     postgres: {host: 10.0.0.2, port: 6432, database: quantum_trader, user: quantum, connections_max: 4,
//                statement_timeout: 5s, standbys_required: 1}
//
// says otherwise. REDIS_SENTINEL_HOSTS ("host:port,host:port") and REDIS_MASTER_NAME win over both.
namespace quantum::lifecycle {

using SecretReader = std::function<Result<std::string>(std::string_view name)>;

// Reads <state>/secrets or NAME_FILE.
SecretReader SecretsOf(const config::Manifest& manifest);

Result<redis::ClientOptions> RedisOptions(const config::Manifest& manifest, const SecretReader& secret);
// How many replicas must have an event before it counts as published: one, or none where a single redis-… unit runs.
int ReplicasRequired(const config::Manifest& manifest);

// How many synchronous standbys Postgres must have for new entries: one, or none where there are not two units
// postgres-….
int StandbysRequired(const config::Manifest& manifest);

Result<postgres::PoolOptions> PostgresOptions(const config::Manifest& manifest, const SecretReader& secret);

}  // namespace quantum::lifecycle
