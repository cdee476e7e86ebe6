#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>

#include "operator/bus/connect.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/postgres/cluster.h"
#include "operator/postgres/console.h"
#include "operator/process/process.h"
#include "operator/supervisor/prober.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPausePatience(5);

std::string RoleOf(const NodeReport& node) {
  return node.primary ? "primary" : node.synchronous ? "synchronous standby" : "standby";
}

json::object ToJson(const ClusterReport& cluster, const Result<PgBouncerConsole::Pool>& pool) {
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
  if (pool.ok()) {
    object["pool"] = {{"clients", pool->clients},
                      {"waiting", pool->waiting},
                      {"servers", pool->servers},
                      {"longest_wait_ms", pool->longest_wait_ms}};
  }
  return object;
}

void PrintTables(const ClusterReport& cluster, const Result<PgBouncerConsole::Pool>& pool) {
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
  if (context.json) {
    Print("{}\n", json::serialize(ToJson(cluster, pool)));
  } else {
    PrintTables(cluster, pool);
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
  QUANTUM_TRY(PgBouncerConsole console, PgBouncerConsole::Open(access));
  QUANTUM_CHECK(InFiber([&](fiber::Loop& loop) -> Status {
    const ClusterReport cluster = ReadCluster(loop, access);
    return cluster.problems.empty()
               ? Status()
               : Error{Errc::kConflict, fmt::format("nothing was changed: {}", fmt::join(cluster.problems, "; "))};
  }));
  QUANTUM_CHECK(GuardPause(running.layout));
  const SteadyTime begin = SystemClock().Steady();
  if (const Status paused = console.Pause(kPausePatience); !paused.ok()) {
    return Error{Errc::kConflict,
                 fmt::format("nothing was changed: what is under way does not end: {}", paused.error().message)};
  }
  Duration held_back{};
  Status resumed;
  const auto resume = [&] {
    if (held_back == Duration::zero()) {
      resumed = console.Resume();
      held_back = SystemClock().Steady() - begin;
    }
  };
  return InFiber([&](fiber::Loop& loop) -> Status {
    const auto report = ChangePrimary(loop, access, true, resume);
    resume();
    if (!report.ok()) {
      return report.error();
    }
    QUANTUM_CHECK(resumed);
    ReportChange(context, *report, held_back);
    return {};
  });
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
