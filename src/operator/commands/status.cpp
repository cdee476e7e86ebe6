#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/market.h"
#include "operator/commands/unit_table.h"
#include "operator/output.h"
#include "operator/process/process.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"
#include "operator/table.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kCpuSample(250);

struct Usage {
  uint64_t memory_bytes = 0;  // resident, of the process and its descendants; shared pages count in each
  uint64_t cpu_ticks = 0;
};

Usage Measure(pid_t root) {
  Usage usage;
  for (const pid_t pid : Descendants(root)) {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(stat, text);
    const size_t close = text.rfind(')');
    if (close == std::string::npos) {
      continue;
    }
    std::istringstream fields(text.substr(close + 1));
    std::string skip;
    uint64_t user = 0;
    uint64_t system = 0;
    for (int i = 0; i < 11; ++i) {
      fields >> skip;
    }
    fields >> user >> system;
    usage.cpu_ticks += user + system;
    std::ifstream statm(fmt::format("/proc/{}/statm", pid));
    uint64_t total = 0;
    uint64_t resident = 0;
    statm >> total >> resident;
    usage.memory_bytes += resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return usage;
}

struct Row {
  UnitStatus unit;
  Usage usage;
  double cpu_percent = 0;
};

std::vector<Row> MeasureAll(const std::vector<UnitStatus>& units) {
  std::vector<Row> rows;
  for (const UnitStatus& unit : units) {
    rows.push_back({.unit = unit, .usage = unit.pid != 0 ? Measure(unit.pid) : Usage{}});
  }
  ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kCpuSample).count()));
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK)) * std::chrono::duration<double>(kCpuSample).count();
  for (Row& row : rows) {
    if (row.unit.pid != 0) {
      const Usage later = Measure(row.unit.pid);
      row.cpu_percent = later.cpu_ticks < row.usage.cpu_ticks
                            ? 0
                            : 100.0 * static_cast<double>(later.cpu_ticks - row.usage.cpu_ticks) / ticks;
      row.usage = later;
    }
  }
  return rows;
}

json::value CountPositions(const json::value& answer) {
  const json::value open = json::parse(OnlyOpen(json::serialize(answer)));
  const json::value* rows = open.is_object() ? open.as_object().if_contains("items") : nullptr;
  return rows != nullptr && rows->is_array() ? json::value(rows->as_array().size()) : json::value();
}

json::value Equity(const json::value& snapshot) {
  const json::value* equity = snapshot.is_object() ? snapshot.as_object().if_contains("equity") : nullptr;
  return equity != nullptr ? *equity : json::value();
}

std::string Text(const json::value& value) {
  if (value.is_double()) {
    return fmt::format("{}", value.as_double());
  }
  return value.is_null() ? "unknown" : value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

// What the services say of the account and of what stands in the way of trading; null where one does not answer.
struct Facts {
  json::value positions;
  json::value equity;
  json::value emergency_stop;
  json::value alerts;
};

Facts AskAll(const Running& running) {
  return {.positions = CountPositions(AskJson(running, "execution", "/api/execution/positions")),
          .equity = Equity(AskJson(running, "portfolio-intelligence", "/api/portfolio/snapshot")),
          .emergency_stop = AskJson(running, "risk-safety", "/api/risk/ess/status"),
          .alerts = AskJson(running, "monitoring-health", "/api/health/alerts")};
}

std::string Member(const json::value& value, std::string_view name) {
  const json::value* const found = value.is_object() ? value.get_object().if_contains(name) : nullptr;
  return found == nullptr     ? std::string()
         : found->is_string() ? std::string(found->get_string())
                              : json::serialize(*found);
}

// One line, and one for each alert.
std::string Hindrances(const Facts& facts) {
  const std::string state = Member(facts.emergency_stop, "state");
  std::string lines =
      state.empty() ? "Emergency stop: unknown, risk-safety does not answer.\n"
      : state == "ARMED"
          ? "Emergency stop: armed, nothing is halted.\n"
          : Wrap(fmt::format("Emergency stop: {}, no entries: {}", state, Member(facts.emergency_stop, "reason")));
  const json::value* const items = facts.alerts.is_object() ? facts.alerts.get_object().if_contains("items") : nullptr;
  if (items != nullptr && items->is_array()) {
    for (const json::value& alert : items->get_array()) {
      lines += Wrap(fmt::format("Alert ({}): {}", Member(alert, "severity"), Member(alert, "summary")));
    }
  }
  return lines;
}

void PrintJson(const Running& running, const std::vector<Row>& rows, const Facts& facts) {
  json::array units;
  for (const Row& row : rows) {
    json::object object = json::parse(StatusToJson(row.unit)).as_object();
    object["memory_bytes"] = row.usage.memory_bytes;
    object["cpu_percent"] = row.cpu_percent;
    units.push_back(std::move(object));
  }
  Print("{}\n", json::serialize(json::object{{"mode", config::ToString(running.manifest.mode())},
                                             {"market", MarketNow(running)},
                                             {"state_directory", running.layout.root},
                                             {"open_positions", facts.positions},
                                             {"equity", facts.equity},
                                             {"emergency_stop", facts.emergency_stop},
                                             {"alerts", facts.alerts},
                                             {"units", std::move(units)}}));
}

bool IsWell(State state) { return state == State::kReady || state == State::kDone || state == State::kScheduled; }

// The answer to "does everything run?", and why not.
std::string WhetherAllRuns(const std::vector<Row>& rows) {
  std::string lines;
  size_t well = 0;
  for (const Row& row : rows) {
    const UnitStatus& unit = row.unit;
    well += IsWell(unit.state) ? 1 : 0;
    if (!IsWell(unit.state) || (!unit.detail.empty() && unit.state != State::kReady)) {
      const std::string why = unit.detail.empty() ? "" : ": " + unit.detail;
      lines += Wrap(fmt::format("{} is {}{}", unit.name, ToString(unit.state), why));
    }
  }
  return well == rows.size()
             ? fmt::format("Everything runs: {} units.\n{}", rows.size(), lines)
             : fmt::format("{} of {} units do not run as they should.\n{}", rows.size() - well, rows.size(), lines);
}

void PrintTable(const Running& running, const std::vector<Row>& rows, const Facts& facts) {
  const WallTime now = SystemClock().Now();
  std::vector<std::vector<std::string>> table;
  for (const Row& row : rows) {
    const UnitStatus& unit = row.unit;
    const bool runs = unit.pid != 0;
    table.push_back({unit.name, std::string(ToString(unit.state)), runs ? std::to_string(unit.pid) : "-",
                     unit.port == 0 ? "-" : std::to_string(unit.port), std::to_string(unit.restarts),
                     FormatAge(now - unit.since), runs ? fmt::format("{} MB", row.usage.memory_bytes >> 20) : "-",
                     runs ? fmt::format("{:.0f} %", row.cpu_percent) : "-"});
  }
  Write(FormatTable({"unit", "state", "pid", "port", "restarts", "since", "memory", "cpu"}, table));
  Write("\n" + WhetherAllRuns(rows));
  PrintMarket(running);
  Write(fmt::format("Open positions: {}. Equity: {}.\n", Text(facts.positions), Text(facts.equity)));
  Write(Hindrances(facts));
}

Status ShowStatus(const Context& context) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  LocalFleet fleet(layout);
  QUANTUM_TRY(const std::vector<UnitStatus> units, fleet.List());
  QUANTUM_TRY(const Running running, FindRunning(context));
  const std::vector<Row> rows = MeasureAll(units);
  const Facts facts = AskAll(running);
  if (context.json) {
    PrintJson(running, rows, facts);
  } else {
    PrintTable(running, rows, facts);
  }
  return {};
}

}  // namespace

void AddStatus(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("status", "Every unit with its state, and the platform's mode, market and equity");
  command->add_flag("--json", context.json, "One JSON object");
  command->callback([&context] { context.Finish(ShowStatus(context)); });
}

}  // namespace quantum::operate
