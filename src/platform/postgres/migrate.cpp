#include <fmt/format.h>

#include "platform/log/log.h"
#include "platform/postgres/migration_files.h"
#include "platform/postgres/pool.h"

namespace quantum::postgres {

namespace {

// Long enough to rewrite a large table, and for another migrator to finish.
constexpr Duration kMigrationTimeout = std::chrono::minutes(10);
// Any number will do, as long as it is the same everywhere: "quantum" in ASCII.
constexpr std::string_view kLock = "SELECT pg_advisory_xact_lock(31935733693707629)";
constexpr std::string_view kTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT "
    "now())";

// What is still to be applied, as of now, under the lock that this transaction takes.
Result<std::vector<Migration>> LockAndCompare(Transaction& transaction, const std::vector<Migration>& files) {
  QUANTUM_TRY(Rows present, transaction.Query(std::string(kLock)));
  QUANTUM_TRY(present, transaction.Query("SELECT to_regclass('schema_migrations') IS NOT NULL AS present"));
  if (!present.Bool(0, "present")) {
    QUANTUM_TRY(present, transaction.Query(std::string(kTable)));
  }
  QUANTUM_TRY(const Rows rows,
              transaction.Query("SELECT version, name, checksum FROM schema_migrations ORDER BY version"));
  std::vector<AppliedMigration> applied;
  for (size_t i = 0; i < rows.size(); ++i) {
    applied.push_back(
        {rows.Int(i, "version"), std::string(rows.Text(i, "name")), std::string(rows.Text(i, "checksum"))});
  }
  return PendingMigrations(files, applied);
}

// Applies the first migration that is still to be applied; false when there is none.
Result<bool> ApplyNext(Pool& pool, const std::vector<Migration>& files) {
  std::string applied;
  const Status status = pool.Transact(
      [&](Transaction& transaction) -> Status {
        applied.clear();
        QUANTUM_TRY(const std::vector<Migration> pending, LockAndCompare(transaction, files));
        if (pending.empty()) {
          return {};
        }
        const Migration& next = pending.front();
        if (Status done = transaction.Script(next.sql); !done.ok()) {
          return done.error().Within("migration " + next.name);
        }
        QUANTUM_CHECK([&]() -> Status {
          QUANTUM_TRY(const Rows rows,
                      transaction.Query("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                                        {std::to_string(next.version), next.name, next.checksum}));
          return rows.affected() == 1 ? Status() : Error{Errc::kInternal, "schema_migrations took no row"};
        }());
        applied = next.name;
        return {};
      },
      {.timeout = kMigrationTimeout});
  if (!status.ok()) {
    return status.error();
  }
  if (!applied.empty()) {
    log::Info("migration applied", {{"migration", applied}});
  }
  return !applied.empty();
}

}  // namespace

Result<int> Migrate(Pool& pool, const std::string& directory) {
  QUANTUM_TRY(const std::vector<Migration> files, ReadMigrations(directory));
  for (int count = 0;; ++count) {
    QUANTUM_TRY(const bool applied, ApplyNext(pool, files));
    if (!applied) {
      return count;
    }
  }
}

}  // namespace quantum::postgres
