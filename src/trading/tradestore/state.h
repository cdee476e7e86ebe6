#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/postgres/pool.h"
#include "trading/tradestore/convert.h"

// How far the move from SQLite is: the row of the table `tradestore` (infra/postgres/migration_sqlite_to_pg.sql).
namespace quantum::tradestore {

enum class Phase {
  kNone,       // nothing was ever migrated: the usual case
  kCopying,    // begun, not complete: `migrate` goes on
  kDual,       // both stores are written; people read the file
  kSwitched,   // both stores are written; people read Postgres
  kFinished,   // the file is in the archive
  kRolledBack  // the file is back with its owner; Postgres keeps what it has
};
std::string_view ToString(Phase phase);  // "NONE", "COPYING", ...
inline bool IsDual(Phase phase) { return phase == Phase::kDual || phase == Phase::kSwitched; }

// services.execution.dual_write: so long both are written before `finish` is taken.
inline constexpr Duration kDualWrite = std::chrono::hours(48);
inline constexpr Duration kDualWriteMax = std::chrono::hours(24 * 90);

// What two stores that should be the same have not in common.
struct Comparison {
  WallTime at{};
  int64_t rows = 0;  // trades that were compared
  int64_t differences = 0;
  std::vector<std::string> examples;  // the first ones, a sentence each
};

struct State {
  Phase phase = Phase::kNone;
  std::string source;
  std::string file;
  std::string archive;
  Precisions precisions;
  int64_t last_legacy_rowid = 0;
  int64_t copied_rowid = 0;
  int64_t good = 0;
  int64_t repeated = 0;
  int64_t odd = 0;
  std::optional<WallTime> started;
  std::optional<WallTime> dual_since;
  std::optional<WallTime> switched;
  std::optional<WallTime> ended;
  std::optional<Comparison> compared;
  int64_t waiting = 0;  // trades that are not yet in the file
};

// Errors as of Pool::Query.
Result<State> ReadState(postgres::Pool& pool);
// The number of a migration: when it was begun, in Unix ms.
std::string NumberOf(const State& state);
// In which phase which migration is, for a reader that asks every second.
struct Glimpse {
  Phase phase = Phase::kNone;
  int64_t number = 0;
};
Result<Glimpse> ReadPhase(postgres::Pool& pool);
Status Keep(postgres::Pool& pool, const Comparison& comparison);

// Each is one transaction but for BeginDual, as owner of the schema, and kConflict from any other phase than it begins
// from.
// -> COPYING. What was aside of `before` goes if that was rolled back: it stands in the file that was handed out.
Status BeginCopy(postgres::Pool& owner, const State& begun, const State& before);
// COPYING -> DUAL; the platform's own trades are queued. May be said again after any error.
Status BeginDual(postgres::Pool& owner, WallTime now);
Status Switch(postgres::Pool& owner, WallTime now);  // DUAL -> SWITCHED
Status SwitchBack(postgres::Pool& owner);            // SWITCHED -> DUAL
// -> FINISHED or ROLLED_BACK. kConflict while trades wait for the file, unless it is given up; kNotFound: there is
// none.
Status End(postgres::Pool& owner, Phase phase, const std::string& archive, WallTime now, bool give_up = false);

}  // namespace quantum::tradestore
