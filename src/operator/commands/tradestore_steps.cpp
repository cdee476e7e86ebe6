#include "operator/commands/tradestore_steps.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <filesystem>

#include "operator/backup/lock.h"
#include "operator/bus/connect.h"
#include "operator/commands/api.h"
#include "operator/commands/progress.h"
#include "operator/output.h"
#include "operator/postgres/access.h"
#include "operator/state/stage.h"
#include "operator/table.h"
#include "trading/tradestore/compare.h"
#include "trading/tradestore/migrate.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using tradestore::Phase;

constexpr Duration kFileCatchesUp = 15s;
constexpr Duration kLookAgain = 200ms;
constexpr fs::perms kGiven = fs::perms::owner_read | fs::perms::owner_write;
constexpr fs::perms kArchived = fs::perms::owner_read;
constexpr Duration kTurnMax = std::chrono::minutes(1);

void Step(const Context& context, const std::string& what) {
  if (!context.json) {
    PrintError("{}\n", what);
  }
}

// Who changes something about the stores, and who backs up or replaces the database, do it one after the other.
Result<BackupLock> Lock(const Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  return BackupLock::Take(running.layout, "quantum tradestore", kTurnMax,
                          [&](const std::string& what) { Step(context, what); });
}

// Runs in a fiber, with a connection as the owner of the schema.
Status WithOwner(const Context& context, const std::function<Status(const Running&, postgres::Pool&)>& body) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(postgres::PoolOptions options, OwnerOptions(running));
  options.slow = std::chrono::minutes(10);  // pages are meant to be long
  return InFiber([&](fiber::Loop& loop) -> Status {
    postgres::Pool pool(loop, options);
    return body(running, pool);
  });
}

std::string Now() { return FormatIso8601(SystemClock().Now()); }

std::string FolderOf(const Running& running) { return running.layout.Data() + "/tradestore"; }

// Execution writes there, as whoever it runs as.
Status GiveToExecution(const Running& running, const std::string& path) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat((running.layout.Data() + "/execution").c_str(), &owner) != 0) {
    return {};
  }
  return ::chown(path.c_str(), owner.st_uid, owner.st_gid) == 0
             ? Status()
             : Status(Error{Errc::kPermission, fmt::format("{}: {}", path, std::strerror(errno))});
}

json::object StateJson(const tradestore::State& state) {
  const auto time = [](const std::optional<WallTime>& at) {
    return at ? json::value(FormatIso8601(*at)) : json::value();
  };
  json::object object{{"phase", tradestore::ToString(state.phase)},
                      {"source", state.source},
                      {"file", state.file},
                      {"archive", state.archive},
                      {"good", state.good},
                      {"repeated", state.repeated},
                      {"odd", state.odd},
                      {"started", time(state.started)},
                      {"dual_since", time(state.dual_since)},
                      {"switched", time(state.switched)},
                      {"ended", time(state.ended)},
                      {"waiting", state.waiting},
                      {"compared", nullptr}};
  if (state.compared) {
    object["compared"] = json::object{{"at", FormatIso8601(state.compared->at)},
                                      {"rows", state.compared->rows},
                                      {"differences", state.compared->differences},
                                      {"examples", json::value_from(state.compared->examples)}};
  }
  return object;
}

Duration DualWriteOf(const Running& running) {
  return running.manifest.Service("execution")
      .GetDuration("dual_write", tradestore::kDualWrite, 0s, tradestore::kDualWriteMax);
}

void PrintState(const Running& running, const tradestore::State& state) {
  switch (state.phase) {
    case Phase::kNone:
      Print("nothing was migrated: trades are in Postgres alone\n");
      return;
    case Phase::kCopying:
      Print("{}: being copied; `./quantum tradestore migrate --from {}` goes on with it\n", state.source, state.source);
      break;
    case Phase::kDual:
      Print("both stores are written; trades are read from {}\n", state.file);
      break;
    case Phase::kSwitched:
      Print("both stores are written; trades are read from Postgres; `finish` may be said from {} on\n",
            FormatIso8601(*state.dual_since + DualWriteOf(running)));
      break;
    case Phase::kFinished:
      Print("finished at {}: trades are in Postgres alone, the file is {}\n", FormatIso8601(*state.ended),
            state.archive);
      break;
    case Phase::kRolledBack:
      Print("rolled back at {}: trades are in Postgres alone; the file {}\n", FormatIso8601(*state.ended),
            fs::exists(state.archive) ? "is " + state.archive : "is gone");
      break;
  }
  Print("{} rows became trades, {} were there already, {} are aside (`./quantum tradestore aside`)\n", state.good,
        state.repeated, state.odd);
  if (!IsDual(state.phase)) {
    return;
  }
  Print("{} trades wait for the file\n", state.waiting);
  if (!state.compared) {
    Print("not compared yet\n");
    return;
  }
  Print("compared at {}: {} rows, {} differences\n", FormatIso8601(state.compared->at), state.compared->rows,
        state.compared->differences);
  for (const std::string& example : state.compared->examples) {
    Print("  {}\n", example);
  }
}

Status Report(const Context& context, const Running& running, postgres::Pool& pool) {
  QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
  if (context.json) {
    Print("{}\n", json::serialize(StateJson(state)));
  } else {
    PrintState(running, state);
  }
  return {};
}

// Where Postgres says that it went. Whatever its last writer left half done is undone first.
Status PutAway(const tradestore::State& state, fs::perms permissions) {
  if (!fs::exists(state.file)) {
    return fs::exists(state.archive)
               ? Status()
               : Status(Error{Errc::kNotFound, fmt::format("{} is not there any more", state.file)});
  }
  if (auto file = tradestore::CopyFile::Open(state.file, state.last_legacy_rowid); file.ok()) {
    QUANTUM_CHECK(file->rows().Count());
  }
  std::error_code error;
  fs::create_directories(fs::path(state.archive).parent_path(), error);
  const std::string journal = "-journal";
  for (const std::string& part : {journal, std::string()}) {
    if (fs::exists(state.file + part)) {
      fs::rename(state.file + part, state.archive + part, error);
    }
    if (error) {
      return Error{Errc::kInternal, fmt::format("moving {} to {}: {}", state.file, state.archive, error.message())};
    }
  }
  fs::permissions(state.archive, permissions, error);
  return error ? Status(Error{Errc::kInternal, fmt::format("{}: {}", state.archive, error.message())}) : Status();
}

// A file of an earlier migration is never written over: it may be the only one with trades that a restore has undone.
Status ClearTheWay(const Context& context, const tradestore::State& before, const std::string& path) {
  if (!fs::exists(path)) {
    return {};
  }
  if (!before.archive.empty() && !fs::exists(before.archive)) {
    return PutAway(before, kGiven);
  }
  const std::string found = fmt::format("{}/found-{}.db", fs::path(path).parent_path().string(), Now());
  std::error_code error;
  fs::rename(path, found, error);
  Step(context, fmt::format("there was a file of an earlier migration; it is kept as {}", found));
  return error ? Status(Error{Errc::kInternal, fmt::format("moving {}: {}", path, error.message())}) : Status();
}

// Copies the file, and says so in Postgres.
Status Begin(const Context& context, const Running& running, postgres::Pool& pool, tradestore::State state) {
  const tradestore::State before = state;
  const std::string folder = FolderOf(running);
  QUANTUM_CHECK(MakeFolder(folder, 0700, nullptr));
  state.file = folder + "/trades.db";
  QUANTUM_CHECK(ClearTheWay(context, before, state.file));
  Step(context, "copying the file");
  QUANTUM_CHECK(tradestore::CopyFile::Make(state.source, state.file, ShowCount(context)));
  {
    QUANTUM_TRY(tradestore::LegacyFile file, tradestore::LegacyFile::Open(state.file));
    QUANTUM_TRY(state.last_legacy_rowid, file.LastRowid());
  }
  std::error_code error;
  fs::permissions(state.file, kGiven, error);
  if (error) {
    return Error{Errc::kPermission, fmt::format("{}: {}", state.file, error.message())};
  }
  QUANTUM_CHECK(GiveToExecution(running, state.file));
  QUANTUM_CHECK(GiveToExecution(running, folder));
  state.copied_rowid = tradestore::kBeforeTheFirst;
  state.started = SystemClock().Now();
  return tradestore::BeginCopy(pool, state, before);
}

Status AwaitFile(const Context& context, postgres::Pool& pool) {
  const auto until = SystemClock().Steady() + kFileCatchesUp;
  while (true) {
    QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
    if (state.waiting == 0) {
      return {};
    }
    if (SystemClock().Steady() > until) {
      return Error{Errc::kConflict, fmt::format("{} trades wait for the file: see what execution complains of in "
                                                "`./quantum status`, and say it again",
                                                state.waiting)};
    }
    Step(context, fmt::format("{} trades wait for the file", state.waiting));
    fiber::SleepFor(kLookAgain);
  }
}

Status AwaitEquality(const Context& context, postgres::Pool& pool, const tradestore::State& state) {
  QUANTUM_CHECK(AwaitFile(context, pool));
  Step(context, "comparing");
  QUANTUM_TRY(tradestore::CopyFile file, tradestore::CopyFile::Open(state.file, state.last_legacy_rowid));
  const auto show = [count = ShowCount(context)](int64_t done, int64_t total) mutable {
    count(done, total);
    return true;
  };
  QUANTUM_TRY(const tradestore::Comparison compared,
              tradestore::Compare(pool, file, state, Duration::zero(), show, SystemClock()));
  QUANTUM_CHECK(tradestore::Keep(pool, compared));
  if (compared.differences == 0) {
    return {};
  }
  for (const std::string& example : compared.examples) {
    PrintError("  {}\n", example);
  }
  return Error{Errc::kConflict,
               fmt::format("{} of {} trades differ between SQLite and Postgres, as above; docs/tradestore.md, "
                           "\"Differences\"",
                           compared.differences, compared.rows)};
}

Status WantPhase(const tradestore::State& state, Phase wanted, std::string_view command) {
  return state.phase == wanted
             ? Status()
             : Status(Error{Errc::kConflict,
                            fmt::format("{} wants a migration in phase {}, it is {}: see `./quantum tradestore status`",
                                        command, tradestore::ToString(wanted), tradestore::ToString(state.phase))});
}

// Trades go on meanwhile: one that waits at the very moment of the end is waited for, and it is tried again.
Status EndAs(const Context& context, const Running& running, postgres::Pool& pool, Phase phase, const std::string& name,
             fs::perms permissions, bool give_up) {
  const std::string archive = FolderOf(running) + "/" + name;
  const auto until = SystemClock().Steady() + kFileCatchesUp;
  while (true) {
    const Status ended = tradestore::End(pool, phase, archive, SystemClock().Now(), give_up);
    if (ended.ok()) {
      break;
    }
    if (ended.error().code != Errc::kConflict || SystemClock().Steady() > until) {
      return ended;
    }
    QUANTUM_CHECK(AwaitFile(context, pool));
  }
  QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
  return PutAway(state, permissions);
}

}  // namespace

Result<tradestore::Precisions> FindPrecisions(const Running& running, const std::vector<std::string>& given) {
  tradestore::Precisions precisions;
  QUANTUM_TRY(const http::Response answer, CallService(running, "execution", "GET", "/api/execution/rules"));
  try {
    const json::value rules = json::parse(answer.body);
    for (const json::value& each : rules.at("items").as_array()) {
      QUANTUM_TRY(const trading::Decimal tick,
                  trading::Decimal::Parse(json::value_to<std::string>(each.at("tick_size"))));
      QUANTUM_TRY(const trading::Decimal step,
                  trading::Decimal::Parse(json::value_to<std::string>(each.at("step_size"))));
      precisions[json::value_to<std::string>(each.at("symbol"))] = {.tick_size = tick, .step_size = step};
    }
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, fmt::format("execution's rules are not what they should be: {}", exception.what())};
  }
  for (const std::string& each : given) {
    const size_t equals = each.find('=');
    const size_t comma = each.find(',', equals == std::string::npos ? 0 : equals);
    if (equals == std::string::npos || equals == 0 || comma == std::string::npos) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("--precision wants SYMBOL=TICK,STEP, e.g. LUNAUSDT=0.001,0.1, not '{}'", each)};
    }
    const auto tick = trading::Decimal::Parse(each.substr(equals + 1, comma - equals - 1));
    const auto step = trading::Decimal::Parse(each.substr(comma + 1));
    if (!tick.ok() || !step.ok() || !tick->is_positive() || !step->is_positive()) {
      return Error{Errc::kInvalidArgument, fmt::format("--precision {}: tick and step are numbers above zero", each)};
    }
    std::string symbol = each.substr(0, equals);
    std::transform(symbol.begin(), symbol.end(), symbol.begin(), [](unsigned char c) { return std::toupper(c); });
    precisions[symbol] = {.tick_size = *tick, .step_size = *step};
  }
  return precisions;
}

Status MigrateTrades(const Context& context, const std::string& source, const std::vector<std::string>& given) {
  const std::string path = FromCaller(source);
  QUANTUM_TRY(const BackupLock lock, Lock(context));
  tradestore::State state;
  QUANTUM_CHECK(WithOwner(context, [&](const Running&, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(state, tradestore::ReadState(pool));
    return {};
  }));
  const bool copying = state.phase == Phase::kCopying;
  if ((copying || IsDual(state.phase)) && state.source != path) {
    return Error{Errc::kConflict, fmt::format("the migration of {} is under way: finish it, or roll it back, before "
                                              "another one",
                                              state.source)};
  }
  if ((copying || IsDual(state.phase)) && !given.empty()) {
    return Error{Errc::kConflict,
                 "the migration is under way with the precisions that it began with: `./quantum "
                 "tradestore rollback`, and migrate again with --precision"};
  }
  tradestore::Precisions precisions;
  if (!copying && !IsDual(state.phase)) {
    QUANTUM_TRY(const Running running, FindRunning(context));
    QUANTUM_TRY(precisions, FindPrecisions(running, given));
  }
  return WithOwner(context, [&](const Running& running, postgres::Pool& pool) -> Status {
    if (IsDual(state.phase)) {
      Step(context, "every row was copied before; nothing is left to do");
      return Report(context, running, pool);
    }
    if (!copying) {
      state.source = path;
      state.precisions = precisions;
      QUANTUM_CHECK(Begin(context, running, pool, state));
      QUANTUM_TRY(state, tradestore::ReadState(pool));
    }
    Step(context, "copying the rows to Postgres");
    QUANTUM_TRY(tradestore::CopyFile file, tradestore::CopyFile::Open(state.file, state.last_legacy_rowid));
    QUANTUM_CHECK(tradestore::CopyRows(pool, file, state, ShowCount(context)));
    QUANTUM_CHECK(tradestore::BeginDual(pool, SystemClock().Now()));
    return Report(context, running, pool);
  });
}

Status ShowTradestore(Context& context) {
  return WithOwner(context, [&](const Running& running, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
    const bool differs = IsDual(state.phase) && state.compared && state.compared->differences > 0;
    context.exit_code = differs ? kDifferences : kOk;
    return Report(context, running, pool);
  });
}

Status ShowAside(const Context& context) {
  return WithOwner(context, [&](const Running&, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(const postgres::Rows rows,
                pool.Query("SELECT source, rowid, trade_id, array_to_string(reasons, '; ') AS reasons, cells FROM "
                           "tradestore_aside ORDER BY source, rowid",
                           {}, {.timeout = 60s, .idempotent = true}));
    std::vector<std::vector<std::string>> table;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (context.json) {
        Print("{}\n", json::serialize(json::object{{"source", rows.Text(row, "source")},
                                                   {"rowid", rows.Int(row, "rowid")},
                                                   {"trade_id", rows.Text(row, "trade_id")},
                                                   {"reasons", rows.Text(row, "reasons")},
                                                   {"cells", json::parse(std::string(rows.Text(row, "cells")))}}));
      } else {
        table.push_back({std::string(rows.Text(row, "rowid")), std::string(rows.Text(row, "trade_id")),
                         std::string(rows.Text(row, "reasons"))});
      }
    }
    if (!context.json) {
      Print("{}", table.empty() ? "nothing is aside\n" : FormatTable({"row", "trade", "why"}, table));
    }
    return {};
  });
}

Status SwitchToPostgres(const Context& context) {
  QUANTUM_TRY(const BackupLock lock, Lock(context));
  return WithOwner(context, [&](const Running& running, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
    if (state.phase != Phase::kSwitched) {
      QUANTUM_CHECK(WantPhase(state, Phase::kDual, "switch"));
      QUANTUM_CHECK(AwaitEquality(context, pool, state));
      QUANTUM_CHECK(tradestore::Switch(pool, SystemClock().Now()));
    }
    return Report(context, running, pool);
  });
}

Status FinishMigration(const Context& context) {
  QUANTUM_TRY(const BackupLock lock, Lock(context));
  return WithOwner(context, [&](const Running& running, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
    if (state.phase == Phase::kFinished) {
      QUANTUM_CHECK(PutAway(state, kArchived));
      return Report(context, running, pool);
    }
    QUANTUM_CHECK(WantPhase(state, Phase::kSwitched, "finish"));
    const WallTime from = *state.dual_since + DualWriteOf(running);
    if (SystemClock().Now() < from) {
      return Error{Errc::kConflict, fmt::format("both stores are written until {} at least (dual_write of "
                                                "services.execution in quantum.yml)",
                                                FormatIso8601(from))};
    }
    QUANTUM_CHECK(AwaitEquality(context, pool, state));
    QUANTUM_CHECK(
        EndAs(context, running, pool, Phase::kFinished, fmt::format("archive/trades-{}.db", Now()), kArchived, false));
    return Report(context, running, pool);
  });
}

Status RollBackMigration(const Context& context, bool give_up) {
  QUANTUM_TRY(const BackupLock lock, Lock(context));
  return WithOwner(context, [&](const Running& running, postgres::Pool& pool) -> Status {
    QUANTUM_TRY(const tradestore::State state, tradestore::ReadState(pool));
    if (state.phase == Phase::kSwitched) {
      QUANTUM_CHECK(tradestore::SwitchBack(pool));
      return Report(context, running, pool);
    }
    if (state.phase == Phase::kRolledBack) {
      QUANTUM_CHECK(PutAway(state, kGiven));
      return Report(context, running, pool);
    }
    if (state.phase != Phase::kCopying && state.phase != Phase::kDual) {
      return WantPhase(state, Phase::kDual, "rollback");
    }
    if (!give_up) {
      QUANTUM_CHECK(AwaitFile(context, pool));
    }
    const Status ended =
        EndAs(context, running, pool, Phase::kRolledBack, fmt::format("rolled-back-{}.db", Now()), kGiven, give_up);
    if (!ended.ok() && !(give_up && !fs::exists(state.file))) {
      return ended;
    }
    return Report(context, running, pool);
  });
}

}  // namespace quantum::operate
