// bench-idle [--json] [--seconds N] [--state DIR --port-offset N]: CPU and memory per unit of a running platform.
// Without --state it starts one of its own on the recorded market at speed 1, with the default strategy, and stops it
// again. Beside our services stand the servers they stand on, in the same minute. Exit code 1 when our services
// together are above 400 MB resident or 20 % of a core.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "bench/command_line/command_line.h"
#include "bench/idle/usage.h"
#include "bench/stack/stack.h"
#include "operator/process/process.h"
#include "operator/supervisor/local_fleet.h"

namespace quantum::bench {
namespace {

constexpr double kResidentGoalMb = 400;
constexpr double kCpuGoalPercent = 20;
constexpr int kSettleSeconds = 10;  // after the start of a platform of our own

enum class Kind { kService, kServer, kOther };

struct Row {
  std::string name;
  Kind kind = Kind::kOther;
  double cpu_percent = 0;  // of one core
  double resident_mb = 0;
  double proportional_mb = 0;

  void Add(const Row& other) {
    cpu_percent += other.cpu_percent;
    resident_mb += other.resident_mb;
    proportional_mb += other.proportional_mb;
  }
};

struct Report {
  std::vector<Row> rows;
  Row services{.name = "our services together", .kind = Kind::kService};
  Row servers{.name = "the servers together", .kind = Kind::kServer};  // the peer: what stands there anyway
  std::string market;
  double seconds = 0;
};

struct Watched {
  std::string name;
  Kind kind = Kind::kOther;
  std::vector<pid_t> pids;
  Usage before;
};

Result<std::vector<Watched>> Watch(const operate::Running& running) {
  operate::LocalFleet fleet(running.layout);
  QUANTUM_TRY(const std::vector<operate::UnitStatus> units, fleet.List());
  std::vector<Watched> all;
  for (const operate::UnitStatus& unit : units) {
    if (unit.pid > 0) {
      const config::Unit* declared = running.manifest.FindUnit(unit.name);
      const bool service = declared != nullptr && declared->kind == config::Unit::Kind::kService;
      all.push_back({unit.name, service ? Kind::kService : Kind::kServer, operate::Descendants(unit.pid), {}});
    }
  }
  if (!all.empty()) {
    all.push_back({"supervisor", Kind::kOther, {ParentOf(all.front().pids.front())}, {}});
  }
  return all;
}

Result<Report> Measure(const operate::Running& running, int seconds) {
  QUANTUM_TRY(std::vector<Watched> watched, Watch(running));
  for (Watched& each : watched) {
    each.before = UsageOf(each.pids);
  }
  const SteadyTime begin = SystemClock().Steady();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  Report report;
  report.seconds = std::chrono::duration<double>(SystemClock().Steady() - begin).count();
  config::Section market = running.manifest.Top("market");
  report.market = market.GetString("source", "synthetic") + " at speed " + market.GetString("speed", "1");
  for (const Watched& each : watched) {
    const Usage after = UsageOf(each.pids);
    const Row row{.name = each.name,
                  .kind = each.kind,
                  .cpu_percent = 100 * (after.cpu_seconds - each.before.cpu_seconds) / report.seconds,
                  .resident_mb = static_cast<double>(after.resident_bytes) / 1e6,
                  .proportional_mb = static_cast<double>(after.proportional_bytes) / 1e6};
    if (row.kind != Kind::kOther) {
      (row.kind == Kind::kService ? report.services : report.servers).Add(row);
    }
    report.rows.push_back(row);
  }
  return report;
}

void PrintTable(const Report& report) {
  fmt::print("{:.0f} s on {}, load average {:.1f} on {} cores\n", report.seconds, report.market, Load1(),
             std::thread::hardware_concurrency());
  fmt::print("{:<26}{:>14}{:>14}{:>20}\n", "unit", "% of a core", "resident MB", "proportional MB");
  const auto line = [](const Row& row) {
    fmt::print("{:<26}{:>14.2f}{:>14.1f}{:>20.1f}\n", row.name, row.cpu_percent, row.resident_mb, row.proportional_mb);
  };
  for (const Row& row : report.rows) {
    line(row);
  }
  line(report.services);
  line(report.servers);
  fmt::print("of the limits: CPU {:.2f} of {:.0f} %, memory {:.2f} of {:.0f} MB\n",
             report.services.cpu_percent / kCpuGoalPercent, kCpuGoalPercent,
             report.services.resident_mb / kResidentGoalMb, kResidentGoalMb);
  fmt::print("of the servers: CPU {:.2f}, memory {:.2f}\n", report.services.cpu_percent / report.servers.cpu_percent,
             report.services.proportional_mb / report.servers.proportional_mb);
}

boost::json::object ToJson(const Row& row) {
  return {{"unit", row.name},
          {"service", row.kind == Kind::kService},
          {"cpu_percent", row.cpu_percent},
          {"resident_mb", row.resident_mb},
          {"proportional_mb", row.proportional_mb}};
}

void PrintJson(const Report& report) {
  boost::json::array rows;
  for (const Row& row : report.rows) {
    rows.push_back(ToJson(row));
  }
  const boost::json::object out{{"benchmark", "idle"},
                                {"seconds", report.seconds},
                                {"market", report.market},
                                {"load", Load1()},
                                {"units", std::move(rows)},
                                {"services", ToJson(report.services)},
                                {"servers", ToJson(report.servers)},
                                {"cpu_of_servers", report.services.cpu_percent / report.servers.cpu_percent},
                                {"memory_of_servers", report.services.proportional_mb / report.servers.proportional_mb},
                                {"cpu_ratio", report.services.cpu_percent / kCpuGoalPercent},
                                {"memory_ratio", report.services.resident_mb / kResidentGoalMb}};
  fmt::print("{}\n", boost::json::serialize(out));
}

Result<Report> Run(StackOptions options, int seconds) {
  options.up = RecordedMarket();
  QUANTUM_TRY(const auto stack, Stack::Open(options));
  if (stack->own()) {
    std::this_thread::sleep_for(std::chrono::seconds(kSettleSeconds));
  }
  return Measure(stack->running(), seconds);
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  StackOptions options;
  int seconds = 30;
  bool json = false;
  CommandLine line("CPU and memory per unit of a running platform");
  line.Add("--state", &options.state, "state directory of a running platform");
  line.Add("--port-offset", &options.port_offset, 0, 65535, "of that platform");
  line.Needs("--port-offset", "--state");
  line.Add("--seconds", &seconds, 1, 3600, "how long to look");
  line.AddJson(json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  const auto report = Run(options, seconds);
  if (!report.ok()) {
    fmt::print(stderr, "bench-idle: {}\n", report.error().message);
    return 1;
  }
  json ? PrintJson(*report) : PrintTable(*report);
  return report->services.resident_mb <= kResidentGoalMb && report->services.cpu_percent <= kCpuGoalPercent ? 0 : 1;
}
