#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>

#include "operator/backup/record.h"
#include "operator/bus/connect.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/postgres/cluster.h"
#include "operator/postgres/console.h"
#include "operator/postgres/switch_over.h"
#include "operator/process/process.h"
#include "operator/supervisor/prober.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

std::string RoleOf(const NodeReport& node) {
  return node.primary ? "primary" : node.synchronous ? "synchronous standby" : "standby";
}

json::object ToJson(const ClusterReport& cluster, const Result<PgBouncerConsole::Pool>& pool,
                    const BackupRecords& backups) {
  json::array nodes;
  for (const NodeReport& node : cluster.nodes) {
    nodes.push_back({{"name", node.name},
                     {"role", node.trouble.empty() ? RoleOf(node) : ""},
                     {"state", node.state},
                     {"timeline", node.timeline},
                     {"lag_bytes", node.lag_bytes ? json::value(*node.lag_bytes) : json::value()},
                     {"trouble", node.trouble}});
  }
  json::object object{{"primary", cluster.primary ? cluster.nodes[*cluster.primary].name : ""},
                      {"nodes", std::move(nodes)},
                      {"pool", nullptr},
                      {"problems", json::array(cluster.problems.begin(), cluster.problems.end())}};
  object["last_backup"] = nullptr;
  if (const auto& good = backups.last_good) {
    object["last_backup"] = {{"ended", FormatIso8601(good->ended)}, {"label", good->label}};
  }
  object["last_proven_restore"] = nullptr;
  if (const auto& proof = backups.last_proof) {
    object["last_proven_restore"] = {{"ended", FormatIso8601(proof->ended)},
                                     {"label", proof->label},
                                     {"recovery_seconds", proof->recovery_seconds},
                                     {"recovery_point_seconds", proof->recovery_point_seconds}};
  }
  if (pool.ok()) {
    object["pool"] = {{"clients", pool->clients},
                      {"waiting", pool->waiting},
                      {"servers", pool->servers},
                      {"longest_wait_ms", pool->longest_wait_ms}};
  }
  return object;
}

void PrintTables(const ClusterReport& cluster, const Result<PgBouncerConsole::Pool>& pool,
                 const BackupRecords& backups) {
  std::vector<std::vector<std::string>> nodes;
  for (const NodeReport& node : cluster.nodes) {
    const bool up = node.trouble.empty();
    nodes.push_back({node.name, up ? RoleOf(node) : "away", up ? node.state : "-",
                     node.timeline > 0 ? fmt::format("{}", node.timeline) : "-",
                     node.lag_bytes ? fmt::format("{}", *node.lag_bytes) : "-"});
  }
  Print("{}\n", FormatTable({"node", "role", "state", "timeline", "lag bytes"}, nodes));
  if (pool.ok()) {
    Print("{}\n", FormatTable({"pool: clients", "waiting", "longest wait ms", "server connections"},
                              {{fmt::format("{}", pool->clients), fmt::format("{}", pool->waiting),
                                fmt::format("{}", pool->longest_wait_ms), fmt::format("{}", pool->servers)}}));
  }
  Print("last backup: {}\n", backups.last_good ? fmt::format("{}, ended {}", backups.last_good->label,
                                                             FormatIso8601(backups.last_good->ended))
                                               : "none");
  Print("last proven restore: {}\n\n",
        backups.last_proof
            ? fmt::format("{}, of {}: served after {:.1f} s, a commit is in the archive after {:.1f} s",
                          FormatIso8601(backups.last_proof->ended), backups.last_proof->label,
                          backups.last_proof->recovery_seconds, backups.last_proof->recovery_point_seconds)
            : "none");
  for (const std::string& problem : cluster.problems) {
    Print("problem: {}\n", problem);
  }
  Print("{}", cluster.problems.empty() ? "healthy\n" : "");
}

Status ShowPostgres(Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const PostgresAccess access, FindPostgres(running));
  ClusterReport cluster;
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    cluster = ReadCluster(loop, access);
    return {};
  }));
  auto console = PgBouncerConsole::Open(access);
  const auto pool = console.ok() ? console->Show() : Result<PgBouncerConsole::Pool>(console.error());
  if (!pool.ok()) {
    cluster.problems.push_back(pool.error().message);
  }
  const BackupRecords backups = ReadBackupRecords(running.layout);
  if (backups.last_try && !backups.last_try->error.empty()) {
    cluster.problems.push_back("the last backup failed: " + backups.last_try->error);
  }
  if (backups.last_trial && !backups.last_trial->error.empty()) {
    cluster.problems.push_back("the last trial of a restore failed: " + backups.last_trial->error);
  }
  if (context.json) {
    Print("{}\n", json::serialize(ToJson(cluster, pool, backups)));
  } else {
    PrintTables(cluster, pool, backups);
  }
  context.exit_code = cluster.problems.empty() ? kOk : kFailed;
  return {};
}

// PgBouncer holds back what comes until it is told otherwise, also when who said so has died: another process waits for
// the end of this one and says it then.
Status GuardPause(const Layout& layout) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const auto guard =
      Spawn({.command = {self, "postgres", "resume-after", std::to_string(::getpid()), "--state", layout.root},
             .environment = {{"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}}});
  return guard.ok() ? Status() : Status(guard.error());
}

Status ResumeAfter(const Context& context, pid_t pid) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const PostgresAccess access, FindPostgres(running));
  const int pidfd = OpenPidfd(pid);
  QUANTUM_CHECK(InFiber([&](fiber::Loop&) -> Status {
    if (pidfd >= 0) {
      WaitForExit(pidfd, {});
    }
    return {};
  }));
  QUANTUM_TRY(PgBouncerConsole console, PgBouncerConsole::Open(access));
  return console.Resume();
}

void ReportChange(const Context& context, const SwitchReport& report, Duration held_back) {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  if (context.json) {
    Print("{}\n", json::serialize(json::object{{"before", report.before},
                                               {"after", report.after},
                                               {"seconds", seconds(report.took)},
                                               {"held_back_seconds", seconds(held_back)}}));
    return;
  }
  Print("{} was the primary, {} is after {:.2f} s", report.before.empty() ? "none" : report.before, report.after,
        seconds(report.took));
  Print("{}",
        held_back > Duration::zero() ? fmt::format("; requests waited for {:.2f} s\n", seconds(held_back)) : "\n");
}

Status PlannedChange(const Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const PostgresAccess access, FindPostgres(running));
  QUANTUM_CHECK(GuardPause(running.layout));
  QUANTUM_TRY(const PlannedReport report, SwitchOver(access));
  ReportChange(context, report.change, report.held_back);
  return {};
}

Status ForceChange(const Context& context) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const PostgresAccess access, FindPostgres(running));
  return InFiber([&](fiber::Loop& loop) -> Status {
    QUANTUM_TRY(const SwitchReport report, ChangePrimary(loop, access, false));
    ReportChange(context, report, {});
    return {};
  });
}

}  // namespace

void AddPostgres(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("postgres", "Nodes and pool; exit code 1 when something is wrong");
  command->add_flag("--json", context.json, "One JSON object");
  CLI::App* switchover = command->add_subcommand(
      "switchover", "Make the standby the primary, planned: requests wait meanwhile, and none fails");
  switchover->add_flag("--json", context.json, "One JSON object");
  switchover->callback([&context] { context.Finish(PlannedChange(context)); });
  CLI::App* failover = command->add_subcommand(
      "failover", "The same without the consent of the primary: what is under way there fails or is unknown");
  failover->add_flag("--json", context.json, "One JSON object");
  failover->callback([&context] { context.Finish(ForceChange(context)); });
  CLI::App* resume = command->add_subcommand("resume-after", "End a pause of PgBouncer when a process has ended");
  resume->group("");
  auto pid = std::make_shared<pid_t>(0);
  resume->add_option("PID", *pid)->required();
  resume->callback([&context, pid] { context.Finish(ResumeAfter(context, *pid)); });
  command->callback([&context, command] {
    if (command->get_subcommands().empty()) {
      const Status status = ShowPostgres(context);
      if (!status) {
        context.Finish(status);
      }
    }
  });
}

}  // namespace quantum::operate
