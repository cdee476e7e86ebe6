#pragma once

#include <string>
#include <vector>

#include "operator/state/launch.h"
#include "platform/postgres/pool.h"

namespace quantum::operate {

// A node of Postgres, by its Patroni.
struct PostgresNode {
  std::string name;  // of its unit, and in the cluster
  std::string url;   // of Patroni's REST interface, without a path
};

// The platform's Postgres as the operator sees it.
struct PostgresAccess {
  std::vector<PostgresNode> nodes;  // in the order of the manifest
  std::string api_password;         // of Patroni's user `quantum`, for what changes something
  std::string console_host;
  int console_port = 0;          // of PgBouncer
  std::string console_password;  // of its user `quantum_admin`
};

// kNotFound: the manifest has no nodes. kPermission: the secrets cannot be read.
Result<PostgresAccess> FindPostgres(const Running& running);

// One connection as the owner of the schema, through HAProxy at the primary: PgBouncer knows the services' role only.
Result<postgres::PoolOptions> OwnerOptions(const Running& running);

}  // namespace quantum::operate
