#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

// Secrets are files of mode 0600 under <state>/secrets, generated on the first `up`, or given as NAME_FILE in the
// environment. They never appear in an environment variable, an argument or a log.
namespace quantum::config {

// The secret's text without its trailing newline. NAME_FILE (upper case, '-' as '_': OPERATOR_TOKEN_FILE) wins over
// <directory>/<name>. kNotFound names the file to create; kPermission complains when others can read the file.
Result<std::string> ReadSecret(const std::string& directory, std::string_view name);

// The file that NAME_FILE of the environment names for a secret; nothing when it is not set.
std::optional<std::string> GivenSecretPath(std::string_view name);

// The text of one secret's file. kNotFound, kPermission as above.
Result<std::string> ReadSecretFile(const std::string& path);

// 32 random bytes as hexadecimal.
Result<std::string> GenerateSecret();

// Creates the secret (32 random bytes as hexadecimal, mode 0600) unless it exists; returns it either way.
// kExhausted: the disk is full.
Result<std::string> EnsureSecret(const std::string& directory, std::string_view name);

// The names the platform uses.
inline constexpr std::string_view kOperatorToken = "operator-token";        // /admin/* and every write by a person
inline constexpr std::string_view kServiceToken = "service-token";          // writes between services
inline constexpr std::string_view kRedisService = "redis-service";          // ACL user `service`
inline constexpr std::string_view kRedisSentinel = "redis-sentinel";        // ACL user `sentinel`, on the servers
inline constexpr std::string_view kRedisReplication = "redis-replication";  // ACL user `replication`
inline constexpr std::string_view kRedisOperator = "redis-operator";        // ACL user `operator`
inline constexpr std::string_view kSentinelClient = "sentinel-client";      // password of the sentinels themselves
inline constexpr std::string_view kPostgresSuperuser = "postgres-superuser";
inline constexpr std::string_view kPostgresOwner = "postgres-owner";              // role `quantum_owner`: migrations
inline constexpr std::string_view kPostgresService = "postgres-service";          // role `quantum`: the services
inline constexpr std::string_view kPostgresReplication = "postgres-replication";  // role `quantum_replication`
inline constexpr std::string_view kPatroniApi = "patroni-api";                    // writes to Patroni's REST interface
inline constexpr std::string_view kPgBouncerAdmin = "pgbouncer-admin";            // PgBouncer's user `quantum_admin`
inline constexpr std::string_view kBackupCipher = "backup-cipher";                // the repository of the backups
inline constexpr std::string_view kBackupS3Key = "backup-s3-key";                 // a remote repository: from its owner
inline constexpr std::string_view kBackupS3Secret = "backup-s3-secret";
inline constexpr std::string_view kBackupAzureKey = "backup-azure-key";
inline constexpr std::string_view kExchangeKey = "exchange-key";
inline constexpr std::string_view kExchangeSecret = "exchange-secret";
inline constexpr std::string_view kExchangeFaultToken = "exchange-fault-token";

}  // namespace quantum::config
