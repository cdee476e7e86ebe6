#include "operator/backup/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "operator/backup/archive.h"
#include "operator/backup/replace.h"
#include "operator/backup/scratch.h"
#include "operator/bus/connect.h"
#include "operator/state/disk.h"
#include "operator/state/stage.h"

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

using namespace std::chrono_literals;

constexpr Duration kReplayMax = 12h;
constexpr Duration kContentMax = 1h;
constexpr int64_t kRoomBeside = 256 << 20;  // for the log that is replayed

// The programs of any node: the repository is the same for all, and there may be no primary to ask.
Result<PgBackRest> OfAnyNode(const Running& running) {
  for (const config::Unit& unit : running.manifest.units()) {
    if (IsPostgresNode(unit)) {
      return PgBackRest::Of(running, unit.name);
    }
  }
  return Error{Errc::kNotFound, fmt::format("{} has no node of Postgres", running.manifest.path())};
}

// A new database in the place of a lost one begins with an empty backup, which must not be taken for the newest.
Result<int64_t> ChooseDatabase(const RepositoryInfo& info, const RestoreTarget& target) {
  const std::set<int64_t> databases = info.Databases();
  if (target.database != 0) {
    return target.database;
  }
  if (target.kind == RestoreTarget::Kind::kPoint || databases.size() == 1) {
    return target.kind == RestoreTarget::Kind::kPoint ? info.database : *databases.begin();
  }
  std::string all;
  for (const int64_t database : databases) {
    const BackupSet* const newest = SetFor(info, database, std::nullopt);
    all += fmt::format("{}{} (newest backup {}, {} MB)", all.empty() ? "" : ", ", database, newest->label,
                       newest->database_bytes >> 20);
  }
  return Error{Errc::kConflict,
               fmt::format("the repository has backups of the databases {}: say of which with --database N", all)};
}

Result<BackupSet> ChooseSet(const RepositoryInfo& info, const RestoreTarget& target) {
  if (info.sets.empty()) {
    return Error{Errc::kNotFound, "the repository has no backup; ./quantum backup full makes one"};
  }
  if (target.kind == RestoreTarget::Kind::kSet) {
    const auto found = std::find_if(info.sets.begin(), info.sets.end(),
                                    [&](const BackupSet& set) { return set.label == target.name; });
    return found != info.sets.end()
               ? Result<BackupSet>(*found)
               : Error{Errc::kNotFound,
                       fmt::format("there is no backup {}; ./quantum backup list shows them", target.name)};
  }
  QUANTUM_TRY(const int64_t database, ChooseDatabase(info, target));
  const BackupSet* const set = SetFor(
      info, database, target.kind == RestoreTarget::Kind::kTime ? std::optional<WallTime>(target.time) : std::nullopt);
  return set != nullptr ? Result<BackupSet>(*set)
                        : Error{Errc::kNotFound,
                                fmt::format("database {} has no backup that ended by then; ./quantum backup list shows "
                                            "what there is",
                                            database)};
}

// "2026-11-29 02:00:00.000+00"
std::string PostgresTime(WallTime time) {
  std::string text = FormatIso8601(time);
  text.replace(text.find('T'), 1, " ");
  return text.substr(0, text.size() - 1) + "+00";
}

std::vector<std::string> ArgumentsOf(const RestoreTarget& target, const BackupSet& set) {
  switch (target.kind) {
    case RestoreTarget::Kind::kLatest:
      return {"--set=" + set.label, "--type=default"};
    case RestoreTarget::Kind::kTime:
      return {"--set=" + set.label, "--type=time", "--target=" + PostgresTime(target.time), "--target-action=promote"};
    case RestoreTarget::Kind::kSet:
      return {"--set=" + set.label, "--type=immediate", "--target-action=promote"};
    case RestoreTarget::Kind::kPoint:
      return {"--set=" + set.label, "--type=name", "--target=" + target.name, "--target-action=promote"};
  }
  return {};
}

std::vector<std::string> TargetArguments(const RestoreTarget& target, const BackupSet& set) {
  std::vector<std::string> arguments = ArgumentsOf(target, set);
  if (target.timeline != 0) {
    arguments.push_back(fmt::format("--target-timeline={}", target.timeline));
  }
  return arguments;
}

Status PrepareFolder(const std::string& folder, const PgBackRest& program, const BackupSet& set) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return Error{Errc::kConflict, fmt::format("{} is not empty: a restore wants a folder of its own", folder)};
  }
  const auto needed = static_cast<uint64_t>(set.database_bytes + kRoomBeside);
  if (const uint64_t free = FreeBytes(folder); free < needed) {
    return Error{Errc::kExhausted, fmt::format("{} has {} MB free, and the backup {} needs {} MB: free some space, or "
                                               "choose another folder with --into",
                                               folder, free >> 20, set.label, needed >> 20)};
  }
  return MakeFolder(folder, 0700, program.account());
}

struct Replayed {
  std::string segment;  // of the log, that was replayed last
  std::optional<WallTime> last_commit;
  Fingerprint content;
};

Result<Replayed> ReadContent(const postgres::PoolOptions& options) {
  Replayed replayed;
  const Status read = InFiber([&](fiber::Loop& loop) -> Status {
    postgres::Pool pool(loop, options);
    return pool.Transact(
        [&](postgres::Transaction& transaction) -> Status {
          QUANTUM_TRY(const postgres::Rows rows,
                      transaction.Query("SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', "
                                        "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS time, "
                                        "pg_walfile_name(pg_last_wal_replay_lsn()) AS segment"));
          replayed.segment = std::string(rows.Text(0, "segment"));  // empty: nothing was
          if (!rows.IsNull(0, "time")) {
            QUANTUM_TRY(replayed.last_commit, ParseIso8601(rows.Text(0, "time")));
          }
          QUANTUM_TRY(replayed.content, TakeFingerprint(transaction));
          return {};
        },
        {.timeout = kContentMax});
  });
  QUANTUM_CHECK(read);
  return replayed;
}

Status MarkCopy(const postgres::PoolOptions& options, Restored& restored) {
  return InFiber([&](fiber::Loop& loop) -> Status {
    postgres::Pool copy(loop, options);
    QUANTUM_CHECK(MarkRestored(copy, restored.label, restored.last_commit.value_or(restored.backup_ended)));
    QUANTUM_TRY(const postgres::Rows rows, copy.Query("SELECT pg_walfile_name(pg_current_wal_lsn()) AS segment"));
    restored.log_end = rows.Text(0, "segment");
    return {};
  });
}

// The moment that a file holds: of a dump when it was begun, of SQL when it was last written.
Result<WallTime> TimeOf(const PgBackRest& program, const std::string& file) {
  std::error_code error;
  const auto written = std::chrono::file_clock::to_sys(fs::last_write_time(file, error));
  std::string magic(5, '\0');
  if (error || !std::ifstream(file, std::ios::binary).read(magic.data(), 5)) {
    return Error{Errc::kNotFound, fmt::format("{} cannot be read", file)};
  }
  if (magic != "PGDMP") {
    return std::chrono::time_point_cast<WallTime::duration>(written);
  }
  constexpr std::string_view kCreated = "Archive created at ";  // "2026-11-29 04:13:47 UTC"
  Result<WallTime> begun = Error{Errc::kInvalidArgument, fmt::format("{} does not say when it was begun", file)};
  QUANTUM_CHECK(program.RunScript({fmt::format("{}/pg_restore", kPostgresPrograms), "--list", file}, {},
                                  [&](const std::string& line) {
                                    const size_t at = line.find(kCreated);
                                    if (at != std::string::npos && line.size() >= at + kCreated.size() + 19) {
                                      std::string text = line.substr(at + kCreated.size(), 19);
                                      begun = ParseIso8601(text.replace(10, 1, "T") + "Z");
                                    }
                                  }));
  return begun;
}

// Removes what was copied, unless it is good.
class Cleanup {
 public:
  explicit Cleanup(std::string path) : path_(std::move(path)) {}
  ~Cleanup() {
    std::error_code ignored;
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }
  void Keep() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace

Result<Restored> RestoreBeside(const Running& running, const RestoreTarget& target, const std::string& folder,
                               const RestoreSteps& steps, Purpose purpose) {
  QUANTUM_TRY(const PgBackRest program, OfAnyNode(running));
  QUANTUM_TRY(const RepositoryInfo info, program.Info());
  QUANTUM_TRY(const BackupSet set, ChooseSet(info, target));
  QUANTUM_CHECK(PrepareFolder(folder, program, set));
  Restored restored{.data = folder + "/data", .label = set.label, .backup_ended = set.ended};
  Cleanup cleanup(restored.data);
  QUANTUM_CHECK(MakeFolder(restored.data, 0700, program.account()));

  SteadyTime since = SystemClock().Steady();
  const auto lap = [&] {
    const SteadyTime now = SystemClock().Steady();
    return now - std::exchange(since, now);
  };
  if (target.kind == RestoreTarget::Kind::kLatest || target.kind == RestoreTarget::Kind::kTime) {
    steps.on_step("archiving what the primary has written");
    if (const Status flushed = FlushLog(running); !flushed.ok()) {
      // Without a primary the archive is all there is. With one, what it has not archived would be lost by replacing
      // it.
      if (flushed.error().code != Errc::kUnavailable && purpose == Purpose::kReplacement &&
          target.kind == RestoreTarget::Kind::kLatest) {
        return flushed.error().Within("the archive lacks what the primary has; --time replaces without it");
      }
      steps.on_step(fmt::format("going on with what the archive has: {}", flushed.error().message));
    }
    lap();
  }
  QUANTUM_TRY(const RepositoryInfo now, program.Info());
  const std::string archived = now.ArchivedLast(set.database);
  steps.on_step(fmt::format("copying {}", set.label));
  std::vector<std::string> arguments{"--log-level-console=detail", "--pg1-path=" + restored.data};
  const auto of_target = TargetArguments(target, set);
  arguments.insert(arguments.end(), of_target.begin(), of_target.end());
  arguments.emplace_back("restore");
  int shown = -1;
  QUANTUM_CHECK(program.Run(arguments, [&](const std::string& line) {
    if (const int percent = PercentIn(line); percent > shown && steps.on_progress) {
      shown = percent;
      steps.on_progress(percent);
    }
  }));
  restored.copied = lap();

  steps.on_step("replaying the log");
  QUANTUM_TRY(const auto scratch, Scratch::Start(running, program, restored.data));
  QUANTUM_CHECK(scratch->AwaitRecovered(kReplayMax));
  restored.replayed = lap();

  steps.on_step("checking tables, indexes and pages");
  QUANTUM_TRY(Replayed replayed, ReadContent(scratch->Options()));
  if (target.kind == RestoreTarget::Kind::kLatest) {
    // Postgres ends its recovery at a gap without a word.
    if (const std::string missing = MissingSegment(replayed.segment, archived); !missing.empty()) {
      return Error{
          Errc::kInternal,
          fmt::format("the segment {} of the log is missing in the archive, which goes on to {}: --time restores to "
                      "a moment before it",
                      missing, archived)};
    }
  }
  restored.last_commit = replayed.last_commit;
  restored.content = std::move(replayed.content);
  const postgres::PoolOptions options = scratch->Options();
  QUANTUM_CHECK(program.RunProgram({fmt::format("{}/pg_amcheck", kPostgresPrograms), "--host=" + options.host,
                                    fmt::format("--port={}", options.port), "--username=postgres", "--jobs=2",
                                    "--heapallindexed", "quantum_trader"}));
  if (purpose == Purpose::kReplacement) {
    QUANTUM_CHECK(MarkCopy(options, restored));
  }
  QUANTUM_CHECK(scratch->Stop());
  QUANTUM_CHECK(
      program.RunProgram({fmt::format("{}/pg_checksums", kPostgresPrograms), "--check", "--pgdata=" + restored.data}));
  restored.checked = lap();
  cleanup.Keep();
  return restored;
}

Result<Restored> RestoreFile(const Running& running, const std::string& file, const std::string& table,
                             const std::string& folder, const RestoreSteps& steps, Purpose purpose) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    return Error{Errc::kNotFound, fmt::format("there is no file {}", file)};
  }
  QUANTUM_TRY(const PgBackRest program, OfAnyNode(running));
  Restored restored{.data = folder + "/data", .label = fs::path(file).filename().string()};
  QUANTUM_TRY(restored.backup_ended, TimeOf(program, file));
  const SteadyTime begin = SystemClock().Steady();
  steps.on_step(fmt::format("reading {} into a new database, and checking it", file));
  std::vector<std::string> command{running.layout.Etc() + "/postgres/restore.sh", folder, "--file", file};
  if (!table.empty()) {
    command.insert(command.end(), {"--table", table});
  }
  QUANTUM_CHECK(program.RunScript(command, {}));
  restored.copied = SystemClock().Steady() - begin;
  QUANTUM_TRY(const auto scratch, Scratch::Start(running, program, restored.data));
  QUANTUM_CHECK(scratch->AwaitRecovered(kReplayMax));
  QUANTUM_TRY(Replayed replayed, ReadContent(scratch->Options()));
  restored.content = std::move(replayed.content);
  if (purpose == Purpose::kReplacement) {
    QUANTUM_CHECK(MarkCopy(scratch->Options(), restored));
    restored.log_end.clear();
  }
  QUANTUM_CHECK(scratch->Stop());
  return restored;
}

}  // namespace quantum::operate
