#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

void PrintTable(const std::vector<UnitStatus>& tasks) {
  std::vector<std::vector<std::string>> rows;
  for (const UnitStatus& task : tasks) {
    std::string result = "never ran";
    std::string last = "-";
    if (task.last_run) {
      last = FormatIso8601(task.last_run->started);
      result = task.last_run->ok ? "ok" : task.last_run->detail;
    }
    rows.push_back({task.name, task.schedule, std::string(ToString(task.state)),
                    task.next_run ? FormatIso8601(*task.next_run) : "-", last, result});
  }
  Print("{}", FormatTable({"task", "schedule", "state", "next", "last", "result"}, rows));
}

Status ShowSchedule(const Context& context) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  LocalFleet fleet(layout);
  QUANTUM_TRY(std::vector<UnitStatus> tasks, fleet.List());
  std::erase_if(tasks, [](const UnitStatus& unit) { return unit.schedule.empty(); });
  if (context.json) {
    json::array array;
    for (const UnitStatus& task : tasks) {
      array.push_back(json::parse(StatusToJson(task)));
    }
    Print("{}\n", json::serialize(json::object{{"tasks", std::move(array)}}));
  } else if (tasks.empty()) {
    Print("No task has a schedule.\n");
  } else {
    PrintTable(tasks);
  }
  return {};
}

}  // namespace

void AddSchedule(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("schedule", "Tasks that run by the clock: when next, and what came of the last run");
  command->add_flag("--json", context.json, "One JSON object");
  command->callback([&context] { context.Finish(ShowSchedule(context)); });
}

}  // namespace quantum::operate
