#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "operator/backup/replace.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"
#include "platform/log/setup.h"
#include "platform/postgres/pool.h"

namespace quantum::operate {

namespace {

// As the owner of the schema, through HAProxy at the primary: PgBouncer knows the services' role only.
Status RunMigrations() {
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::FromEnvironment());
  config::Section limits = manifest.Top("limits");
  QUANTUM_CHECK(log::Setup({.service = "migrate",
                            .directory = {},
                            .standard_output = true,
                            .masked_keys = limits.GetStrings("masked_keys", {})}));
  const Layout layout{manifest.state_directory()};
  postgres::PoolOptions options;
  options.host = manifest.AddressOf("haproxy");
  options.port = manifest.Port("haproxy");
  options.user = "quantum_owner";
  options.connections_max = 1;
  QUANTUM_TRY(options.password, config::ReadSecret(layout.Secrets(), config::kPostgresOwner));
  fiber::Loop loop("migrate");
  std::optional<Result<int>> applied;
  Result<int> replayed = 0;
  loop.Spawn([&] {
    {
      postgres::Pool pool(loop, options);
      applied.emplace(postgres::Migrate(pool, layout.Etc() + "/postgres/migrations"));
      if (applied->ok()) {
        replayed = ReplayAfterRestore(loop, pool, Running{layout, {}, manifest});
      }
    }
    loop.Stop();
  });
  loop.Run();
  if (!applied->ok()) {
    return applied->error().Within("migrating the database");
  }
  if (!replayed.ok()) {
    return replayed.error().Within("after the restore");
  }
  Print("{} migrations applied\n", applied->value());
  if (*replayed > 0) {
    Print("{} consumer groups set back to before the restore\n", *replayed);
  }
  return {};
}

}  // namespace

void AddMigrate(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("migrate", "Bring the schema up to date, and the bus after a restore; a unit of the manifest");
  command->group("");
  command->callback([&context] {
    context.Finish(RunMigrations());
    log::Shutdown();
  });
}

}  // namespace quantum::operate
