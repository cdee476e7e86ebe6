#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "operator/backup/lock.h"
#include "operator/backup/replace.h"
#include "operator/backup/trial.h"
#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/progress.h"
#include "operator/commands/verify.h"
#include "operator/output.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

constexpr Duration kTurnMax = std::chrono::hours(1);           // what runs by the clock waits for its turn
constexpr Duration kReplaceTurnMax = std::chrono::minutes(1);  // who restores is in a hurry

double SecondsOf(Duration time) { return std::chrono::duration<double>(time).count(); }

RestoreSteps ShowSteps(const Context& context) {
  return {.on_step =
              [quiet = context.json](const std::string& step) {
                if (!quiet) {
                  PrintError("{}\n", step);
                }
              },
          .on_progress = ShowPercent(context)};
}

json::object ToJson(const BackupSet& set) {
  return {{"label", set.label},
          {"type", set.type},
          {"started", FormatIso8601(set.started)},
          {"ended", FormatIso8601(set.ended)},
          {"database_bytes", set.database_bytes},
          {"stored_bytes", set.stored_bytes},
          {"database", set.database}};
}

Result<BackupLock> Lock(const Context& context, const Running& running, const std::string& what, Duration wait) {
  return BackupLock::Take(running.layout, what, wait, ShowSteps(context).on_step);
}

Status MakeAndKeep(const Context& context, const Running& running, const std::string& type) {
  const auto set = MakeBackup(running, type, ShowPercent(context));
  BackupRecord record{.ended = SystemClock().Now(), .type = type};
  record.label = set.ok() ? set->label : "";
  record.error = set.ok() ? "" : set.error().message;
  const Status kept = Keep(running.layout, record);
  QUANTUM_CHECK(set.ok() ? kept : Status(set.error()));
  if (context.json) {
    Print("{}\n", json::serialize(ToJson(*set)));
  } else {
    Print("{}: {} backup of {:.1f} MB, {:.1f} MB added to the repository, in {} s\n", set->label, set->type,
          static_cast<double>(set->database_bytes) / 1e6, static_cast<double>(set->stored_bytes) / 1e6,
          (set->ended - set->started) / std::chrono::seconds(1));
  }
  return {};
}

Status PhysicalBackup(const Context& context, const Running& running, const std::string& type) {
  QUANTUM_TRY(const BackupLock lock, Lock(context, running, "quantum backup " + type, kTurnMax));
  return MakeAndKeep(context, running, type);
}

Status ListBackups(const Context& context, const Running& running) {
  QUANTUM_TRY(const PgBackRest program, PgBackRest::Of(running, "postgres-1"));
  QUANTUM_TRY(const RepositoryInfo info, program.Info());
  if (context.json) {
    json::array sets;
    for (const BackupSet& set : info.sets) {
      sets.push_back(ToJson(set));
    }
    Print("{}\n", json::serialize(json::object{{"backups", std::move(sets)},
                                               {"archived", info.ArchivedLast(info.database)},
                                               {"trouble", info.trouble}}));
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const BackupSet& set : info.sets) {
    rows.push_back({set.label, set.type, std::to_string(set.database), FormatIso8601(set.ended),
                    fmt::format("{:.1f}", static_cast<double>(set.database_bytes) / 1e6),
                    fmt::format("{:.1f}", static_cast<double>(set.stored_bytes) / 1e6)});
  }
  Print("{}", FormatTable({"backup", "type", "database", "ended", "database MB", "added MB"}, rows));
  const std::string last = info.ArchivedLast(info.database);
  Print("newest segment of the log in the archive: {}\n", last.empty() ? "none" : last);
  return {};
}

Status LogicalBackup(const Context& context, const Running& running) {
  QUANTUM_TRY(const std::string file, MakeDump(running));
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"file", file}, {"bytes", error ? 0 : bytes}}));
  } else {
    Print("{}\n", file);
  }
  return {};
}

Status RunBackup(const Context& context, const std::string& type) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  if (type == "logical") {
    return LogicalBackup(context, running);
  }
  return type == "list" ? ListBackups(context, running) : PhysicalBackup(context, running, type);
}

struct RestoreOptions {
  std::string what = "latest";
  std::string time;
  std::string set;
  std::string into;
  std::string table;
  int64_t database = 0;
  int64_t timeline = 0;
  bool replace = false;
};

Result<RestoreTarget> TargetOf(const RestoreOptions& options) {
  RestoreTarget target{.database = options.database, .timeline = options.timeline};
  if (!options.time.empty()) {
    const auto time = ParseIso8601(options.time);
    if (!time.ok()) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("--time wants a moment such as 2026-11-29T02:00:00Z, not '{}'", options.time)};
    }
    target.kind = RestoreTarget::Kind::kTime;
    target.time = *time;
  } else if (!options.set.empty()) {
    target.kind = RestoreTarget::Kind::kSet;
    target.name = options.set;
  }
  return target;
}

void ReportCopy(const Context& context, const Restored& restored, json::object& report) {
  const std::string until = restored.last_commit ? FormatIso8601(*restored.last_commit) : "";
  int64_t rows = 0;
  for (const auto& [table, content] : restored.content) {
    rows += content.rows;
  }
  report = {{"data", restored.data},
            {"backup", restored.label},
            {"last_commit", until.empty() ? json::value() : json::value(until)},
            {"tables", restored.content.size()},
            {"rows", rows},
            {"copied_seconds", SecondsOf(restored.copied)},
            {"replayed_seconds", SecondsOf(restored.replayed)},
            {"checked_seconds", SecondsOf(restored.checked)}};
  if (!context.json) {
    Say(fmt::format("{} restored and checked: {} tables, {} rows, last commit {}", restored.label,
                    restored.content.size(), rows, until.empty() ? "that of the backup" : until));
    Say(fmt::format("copied in {:.1f} s, replayed in {:.1f} s, checked in {:.1f} s", SecondsOf(restored.copied),
                    SecondsOf(restored.replayed), SecondsOf(restored.checked)));
  }
}

// Why no entries are made now; empty: they are. Somebody else's halt is not the restore's to lift.
std::string StandingHalt(const Running& running) {
  if (const auto flag = ReadFile(running.layout.HaltFile()); flag.ok()) {
    return "entries were halted before: " + *flag;
  }
  const json::value stop = AskJson(running, "risk-safety", "/api/risk/ess/status");
  const json::value* const state = stop.is_object() ? stop.get_object().if_contains("state") : nullptr;
  const std::string text = state != nullptr && state->is_string() ? std::string(state->get_string()) : "ARMED";
  return text == "ARMED" || text == "DISABLED" ? "" : "the emergency stop was " + text + " before";
}

// The platform is halted. It goes on when Postgres and the exchange agree; else a person decides.
Status ResumeIfEqual(const Context& context, const Running& running, const std::string& standing,
                     json::object& report) {
  QUANTUM_TRY(const std::vector<std::string> differences, FindDifferences(running));
  report["differences"] = json::value_from(differences);
  if (!differences.empty()) {
    for (const std::string& difference : differences) {
      PrintError("{}\n", difference);
    }
    return Error{Errc::kConflict,
                 "the database is replaced, and differs from the exchange as above: new entries stay halted. "
                 "docs/runbook.md, \"Restoring\", says how to go on"};
  }
  if (!context.json) {
    Say("Postgres and the exchange agree.");
  }
  report["halted"] = standing;
  if (!standing.empty()) {
    Say(fmt::format("New entries stay halted: {}. POST /api/risk/ess/reset lifts it", standing));
    return {};
  }
  // risk-safety has made the halt its own by now, and lifts both.
  QUANTUM_TRY([[maybe_unused]] const auto reset, CallService(running, "risk-safety", "POST", "/api/risk/ess/reset",
                                                             R"({"reason":"restored, and equal to the exchange"})"));
  if (!context.json) {
    Say("New entries go on.");
  }
  return {};
}

Status Replace(const Context& context, const Running& running, const Restored& restored, json::object& report) {
  const std::string standing = StandingHalt(running);
  QUANTUM_TRY(const Replaced replaced, ReplaceDatabase(running, restored, ShowSteps(context).on_step));
  report["kept"] = replaced.kept;
  report["without_database_seconds"] = SecondsOf(replaced.without);
  if (!context.json) {
    Say(fmt::format(
        "The copy serves, {:.1f} s after the old one was stopped. The old data is kept as {}/*/{}: remove it "
        "when you are content.",
        SecondsOf(replaced.without), running.layout.Data(), replaced.kept));
  }
  const Status resumed = ResumeIfEqual(context, running, standing, report);
  // Of the database as it is now there is none yet.
  ShowSteps(context).on_step("backing up");
  Context quiet = context;
  quiet.json = false;
  const Status backed_up = MakeAndKeep(quiet, running, "full");
  return resumed.ok() ? backed_up : resumed;
}

Status RunRestore(const Context& context, const RestoreOptions& options) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const RestoreTarget target, TargetOf(options));
  if (options.replace && !LocalFleet(running.layout).Running()) {
    return Error{Errc::kUnavailable,
                 "--replace wants a platform that runs: it stops and starts what uses the database"};
  }
  const Purpose purpose = options.replace ? Purpose::kReplacement : Purpose::kBeside;
  const bool from_file = options.what != "latest";
  if (from_file && (!options.time.empty() || !options.set.empty())) {
    return Error{Errc::kInvalidArgument, "a file is restored as it is: leave --time and --set out"};
  }
  if (!options.table.empty() && (!from_file || options.replace)) {
    return Error{Errc::kInvalidArgument, "--table takes one table out of a dump, beside the living database"};
  }
  const std::string folder = !options.into.empty() ? FromCaller(options.into)
                                                   : fmt::format("{}/backup/restored-{}", running.layout.Data(),
                                                                 FormatIso8601(SystemClock().Now()).substr(0, 19));
  std::optional<BackupLock> lock;
  if (options.replace) {
    QUANTUM_TRY(BackupLock taken, Lock(context, running, "quantum restore --replace", kReplaceTurnMax));
    lock.emplace(std::move(taken));
    QUANTUM_CHECK(CheckReplaceable(running, folder));
  }
  QUANTUM_TRY(const Restored restored, from_file ? RestoreFile(running, FromCaller(options.what), options.table, folder,
                                                               ShowSteps(context), purpose)
                                                 : RestoreBeside(running, target, folder, ShowSteps(context), purpose));
  json::object report;
  ReportCopy(context, restored, report);
  const Status replaced = options.replace ? Replace(context, running, restored, report) : Status();
  if (context.json) {
    Print("{}\n", json::serialize(report));
  } else if (!options.replace) {
    Print("{}\n", restored.data);
  }
  return replaced;
}

Status RunTrial(Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const BackupLock lock, Lock(context, running, "quantum restore-test", kTurnMax));
  QUANTUM_TRY(const TrialRecord record, TryRestore(running, ShowSteps(context)));
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"backup", record.label},
                                               {"recovery_seconds", record.recovery_seconds},
                                               {"recovery_point_seconds", record.recovery_point_seconds},
                                               {"error", record.error}}));
    context.exit_code = record.error.empty() ? kOk : kFailed;
    return {};
  }
  if (!record.error.empty()) {
    return Error{Errc::kInternal, record.error};
  }
  Print(
      "{} restored to a mark of now, every table as it was there: served after {:.1f} s; what is committed is in the "
      "archive after {:.1f} s\n",
      record.label, record.recovery_seconds, record.recovery_point_seconds);
  return {};
}

}  // namespace

void AddBackup(CLI::App& app, Context& context) {
  CLI::App* backup = app.add_subcommand("backup", "Back up the database, or list the backups");
  backup->add_flag("--json", context.json, "One JSON object");
  auto type = std::make_shared<std::string>("incr");
  backup
      ->add_option(
          "WHAT", *type,
          "full: everything; incr (default): what changed since the last one; logical: a dump by pg_dump; list: what "
          "there is")
      ->check(CLI::IsMember({"full", "incr", "logical", "list"}));
  backup->callback([&context, type] { context.Finish(RunBackup(context, *type)); });

  CLI::App* restore = app.add_subcommand("restore", "Restore a backup beside the living database, and check the copy");
  restore->add_flag("--json", context.json, "One JSON object");
  auto options = std::make_shared<RestoreOptions>();
  restore->add_option(
      "WHAT", options->what,
      "latest (default): to the end of the archive; or a file: a dump of `backup logical`, .sql, .sql.gz");
  restore->add_option("--table", options->table, "Only this table of a dump")->type_name("NAME");
  CLI::Option* time =
      restore->add_option("--time", options->time, "To this moment, 2026-11-29T02:00:00Z")->type_name("T");
  restore->add_option("--set", options->set, "To the end of this backup (quantum backup list)")
      ->type_name("LABEL")
      ->excludes(time);
  restore->add_option("--database", options->database, "Where there are backups of several: of this one")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  restore
      ->add_option(
          "--timeline", options->timeline,
          "Along this timeline of the log instead of the newest: what a restore has undone is on the one before")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  restore->add_option("--into", options->into, "An empty or new folder; default: data/backup/restored-TIME")
      ->type_name("DIR");
  restore->add_flag("--replace", options->replace,
                    "Let the checked copy take the place of the living database; the old data is kept");
  restore->callback([&context, options] { context.Finish(RunRestore(context, *options)); });

  CLI::App* trial = app.add_subcommand(
      "restore-test", "Prove the backups: restore to a mark of now, compare every table, measure; exit code 1 if not");
  trial->add_flag("--json", context.json, "One JSON object");
  trial->callback([&context] {
    const Status status = RunTrial(context);
    if (!status) {
      context.Finish(status);
    }
  });
}

}  // namespace quantum::operate
