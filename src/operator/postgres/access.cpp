#include "operator/postgres/access.h"

#include <fmt/format.h>

#include "operator/state/stage.h"
#include "platform/config/secrets.h"

namespace quantum::operate {

Result<PostgresAccess> FindPostgres(const Running& running) {
  const config::Manifest& manifest = running.manifest;
  PostgresAccess access;
  for (const config::Unit& unit : manifest.units()) {
    if (IsPostgresNode(unit)) {
      access.nodes.push_back({.name = unit.name,
                              .url = fmt::format("http://{}:{}", config::InUrl(manifest.AddressOf(unit.name)),
                                                 manifest.Port(unit.name, "rest"))});
    }
  }
  if (access.nodes.empty() || manifest.FindUnit("pgbouncer") == nullptr) {
    return Error{Errc::kNotFound, fmt::format("{} has no units postgres-1, … and pgbouncer", manifest.path())};
  }
  access.console_host = manifest.AddressOf("pgbouncer");
  access.console_port = manifest.Port("pgbouncer");
  QUANTUM_TRY(access.api_password, config::ReadSecret(running.layout.Secrets(), config::kPatroniApi));
  QUANTUM_TRY(access.console_password, config::ReadSecret(running.layout.Secrets(), config::kPgBouncerAdmin));
  return access;
}

Result<postgres::PoolOptions> OwnerOptions(const Running& running) {
  postgres::PoolOptions options;
  options.host = running.manifest.AddressOf("haproxy");
  options.port = running.manifest.Port("haproxy");
  options.user = "quantum_owner";
  options.connections_max = 1;
  QUANTUM_TRY(options.password, config::ReadSecret(running.layout.Secrets(), config::kPostgresOwner));
  return options;
}

}  // namespace quantum::operate
