// bench-restart [--json] [--rounds N] [--positions N] [--open-orders N]: how long execution does not trade when its
// processes are killed or restarted while it has 100 positions and 1,000 open orders. A platform of its own with
// symbols that are made up (calibration.h) is started, filled through the event bus, and stopped again. Judged is the
// time from the blow until the exchange has taken the order of an entry that was approved right after it: exit code 1
// when the worst one is above 3 s. Beside it: what of the time goes where, and what execution costs while nothing
// happens. At the end the emergency stop cancels all entries: exit code 1 when the exchange has one after 1 s.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <optional>
#include <thread>

#include "bench/command_line/command_line.h"
#include "bench/idle/usage.h"
#include "bench/latency/quantile.h"
#include "bench/restart/emergency.h"
#include "bench/restart/interruption.h"
#include "bench/stack/stack.h"
#include "operator/supervisor/local_fleet.h"
#include "platform/log/setup.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr double kGoalMs = 3000;
constexpr double kStopGoalMs = 1000;
constexpr Duration kIdle = 30s;

struct Options {
  int rounds = 5;
  Holding holding{.positions = 100, .open_orders = 1000};
  bool json = false;
};

struct Kind {
  Blow blow;
  const char* name;
  const char* title;
};
constexpr Kind kKinds[] = {{Blow::kBothKilled, "both_killed", "both processes killed"},
                           {Blow::kHolderKilled, "holder_killed", "the one that trades killed"},
                           {Blow::kRestart, "restart", "the one that trades restarted (quantum restart)"}};

struct Report {
  std::map<std::string, std::vector<Interruption>> interruptions;  // by the kind's name
  double idle_cpu_percent = 0;                                     // of a core: the process that trades
  double filled_s = 0;
  EmergencyStop stop;

  double WorstMs() const {
    double worst = 0;
    for (const auto& [name, all] : interruptions) {
      for (const Interruption& one : all) {
        worst = std::max(worst, one.trading);
      }
    }
    return worst;
  }
};

// Of the process that costs most: the other one only waits.
Result<double> IdleCpu(const operate::Running& running) {
  operate::LocalFleet fleet(running.layout);
  QUANTUM_TRY(const auto units, fleet.List());
  std::map<std::string, double> before;
  const auto cpu = [](const operate::UnitStatus& unit) { return UsageOf({unit.pid}).cpu_seconds; };
  for (const operate::UnitStatus& unit : units) {
    before[unit.name] = cpu(unit);
  }
  const SteadyTime begin = SystemClock().Steady();
  fiber::SleepFor(kIdle);
  const double seconds = std::chrono::duration<double>(SystemClock().Steady() - begin).count();
  double most = 0;
  for (const operate::UnitStatus& unit : units) {
    if (unit.name.starts_with("execution")) {
      most = std::max(most, 100 * (cpu(unit) - before[unit.name]) / seconds);
    }
  }
  return most;
}

Result<Report> Measure(fiber::Loop& loop, const operate::Running& running, const Options& options) {
  QUANTUM_CHECK(operate::LocalFleet(running.layout).Stop("ai-engine"));  // it would trade as well
  QUANTUM_TRY(const auto desk, FullDesk::Open(loop, running));
  Report report;
  const SteadyTime begin = SystemClock().Steady();
  QUANTUM_CHECK(desk->Fill(options.holding));
  report.filled_s = std::chrono::duration<double>(SystemClock().Steady() - begin).count();
  QUANTUM_TRY(report.idle_cpu_percent, IdleCpu(running));
  for (int round = 0; round < options.rounds; ++round) {
    for (const Kind& kind : kKinds) {
      auto one = Interrupt(loop, running, *desk, kind.blow);
      if (!one.ok()) {
        return one.error().Within(fmt::format("round {}, {}", round + 1, kind.title));
      }
      report.interruptions[kind.name].push_back(std::move(*one));
    }
  }
  QUANTUM_TRY(report.stop, StopInEmergency(running, *desk));
  return report;
}

Result<Report> Run(const Options& options) {
  StackOptions stack_options;
  for (const std::string& setting : FullDesk::Overrides()) {
    stack_options.up.insert(stack_options.up.end(), {"--set", setting});
  }
  QUANTUM_TRY(const auto stack, Stack::Open(stack_options));
  std::optional<Result<Report>> report;
  fiber::Loop loop("bench");
  loop.Spawn([&] {
    report.emplace(Measure(loop, stack->running(), options));
    loop.Stop();
  });
  loop.Run();
  return *std::move(report);
}

struct Part {
  const char* name;
  const char* title;
  std::optional<double> (*of)(const Interruption&);
};
constexpr Part kParts[] = {
    {"started", "  process started", [](const Interruption& one) { return one.started; }},
    {"leased", "  holds the account's lease", [](const Interruption& one) { return one.leased; }},
    {"loaded", "  has read what was recorded", [](const Interruption& one) { return one.loaded; }},
    {"reconciled", "  has compared it with the exchange", [](const Interruption& one) { return one.reconciled; }},
    {"ready", "  /health says READY", [](const Interruption& one) { return std::optional(one.ready); }},
    {"reading", "  reads approvals", [](const Interruption& one) { return one.reading; }},
    {"trading", "an entry approved after the blow is at the exchange",
     [](const Interruption& one) { return std::optional(one.trading); }}};

struct Spread {
  double median = 0;
  double worst = 0;
};
std::optional<Spread> SpreadOf(const std::vector<Interruption>& all, const Part& part) {
  std::vector<double> ms;
  for (const Interruption& one : all) {
    if (const auto value = part.of(one)) {
      ms.push_back(*value);
    }
  }
  if (ms.empty()) {
    return std::nullopt;
  }
  return Spread{Quantile(ms, 0.5), *std::ranges::max_element(ms)};
}

void PrintTable(const Report& report, const Options& options) {
  fmt::print("{} positions, {} open orders (filled in {:.1f} s), load average {:.1f} on {} cores\n",
             options.holding.positions, options.holding.open_orders, report.filled_s, Load1(),
             std::thread::hardware_concurrency());
  fmt::print("execution takes {:.1f} % of a core while nothing happens\n", report.idle_cpu_percent);
  for (const Kind& kind : kKinds) {
    const auto& all = report.interruptions.at(kind.name);
    fmt::print("\n{:<54}{:>10}{:>10}   ms since then, {} times\n", kind.title, "median", "worst", all.size());
    for (const Part& part : kParts) {
      if (const auto spread = SpreadOf(all, part)) {
        fmt::print("{:<54}{:>10.0f}{:>10.0f}\n", part.title, spread->median, spread->worst);
      }
    }
  }
  fmt::print("\nthe worst of all: {:.2f} of the goal of {:.0f} ms\n", report.WorstMs() / kGoalMs, kGoalMs);
  fmt::print(
      "\nemergency stop: {} entries cancelled, none at the exchange after {:.0f} ms, answered after {:.0f} ms: "
      "{:.2f} of the goal of {:.0f} ms\n",
      report.stop.cancelled, report.stop.gone, report.stop.answered, report.stop.gone / kStopGoalMs, kStopGoalMs);
}

void PrintJson(const Report& report, const Options& options) {
  boost::json::object kinds;
  for (const auto& [name, all] : report.interruptions) {
    boost::json::object parts;
    for (const Part& part : kParts) {
      if (const auto spread = SpreadOf(all, part)) {
        parts[part.name] = {{"median_ms", spread->median}, {"worst_ms", spread->worst}};
      }
    }
    kinds[name] = std::move(parts);
  }
  const boost::json::object out{{"benchmark", "restart"},
                                {"positions", options.holding.positions},
                                {"open_orders", options.holding.open_orders},
                                {"rounds", options.rounds},
                                {"load", Load1()},
                                {"filled_s", report.filled_s},
                                {"idle_cpu_percent", report.idle_cpu_percent},
                                {"interruptions", std::move(kinds)},
                                {"goal_ratio", report.WorstMs() / kGoalMs},
                                {"emergency_stop",
                                 {{"cancelled", report.stop.cancelled},
                                  {"gone_ms", report.stop.gone},
                                  {"answered_ms", report.stop.answered},
                                  {"goal_ratio", report.stop.gone / kStopGoalMs}}}};
  fmt::print("{}\n", boost::json::serialize(out));
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  CommandLine line("How long execution does not trade when its processes are killed or restarted");
  line.Add("--rounds", &options.rounds, 1, 100, "of each kind of blow");
  line.Add("--positions", &options.holding.positions, 1, 100, "one in a symbol");
  line.Add("--open-orders", &options.holding.open_orders, 1, 10'000, "stops included");
  line.AddJson(options.json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  if (options.holding.open_orders < options.holding.positions) {
    fmt::print(stderr, "bench-restart: every position has its stop: --open-orders must be as many at least\n");
    return 2;
  }
  quantum::log::SetLevel(quantum::log::Level::kError);  // standard output is the report's
  const auto report = Run(options);
  if (!report.ok()) {
    fmt::print(stderr, "bench-restart: {}\n", report.error().message);
    return 1;
  }
  options.json ? PrintJson(*report, options) : PrintTable(*report, options);
  return report->WorstMs() <= kGoalMs && report->stop.gone <= kStopGoalMs ? 0 : 1;
}
