#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "operator/backup/replace.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/postgres/access.h"
#include "platform/fiber/fiber.h"
#include "platform/log/setup.h"
#include "platform/postgres/pool.h"

namespace quantum::operate {

namespace {

Status RunMigrations() {
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::FromEnvironment());
  config::Section limits = manifest.Top("limits");
  QUANTUM_CHECK(log::Setup({.service = "migrate",
                            .directory = {},
                            .standard_output = true,
                            .masked_keys = limits.GetStrings("masked_keys", {})}));
  const Running running{Layout{manifest.state_directory()}, {}, manifest};
  QUANTUM_TRY(const postgres::PoolOptions options, OwnerOptions(running));
  fiber::Loop loop("migrate");
  std::optional<Result<int>> applied;
  Result<int> replayed = 0;
  loop.Spawn([&] {
    {
      postgres::Pool pool(loop, options);
      applied.emplace(postgres::Migrate(pool, running.layout.Etc() + "/postgres/migrations"));
      if (applied->ok()) {
        replayed = ReplayAfterRestore(loop, pool, running);
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
