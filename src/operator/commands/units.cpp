#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/commands/command.h"
#include "operator/commands/nearest.h"
#include "operator/output.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

using Operation = Status (LocalFleet::*)(const std::string&);

// A name that is none is wrong usage, and not the failure of a unit.
Status CheckUnit(LocalFleet& fleet, const std::string& wanted) {
  QUANTUM_TRY(const std::vector<UnitStatus> units, fleet.List());
  std::vector<std::string> names;
  for (const UnitStatus& unit : units) {
    if (unit.name == wanted) {
      return {};
    }
    names.push_back(unit.name);
  }
  return Error{Errc::kInvalidArgument, NoSuch("unit", wanted, names)};
}

// The unit as it stands afterwards, without what the gateway knows of it.
Status PrintState(LocalFleet& fleet, const std::string& wanted) {
  QUANTUM_TRY(const std::vector<UnitStatus> units, fleet.List());
  for (const UnitStatus& unit : units) {
    if (unit.name == wanted) {
      Write(StatusToJson(unit) + "\n");
    }
  }
  return {};
}

void Add(CLI::App& app, Context& context, const char* name, const char* help, const char* done, Operation operation) {
  CLI::App* command = app.add_subcommand(name, help);
  auto unit = std::make_shared<std::string>();
  command->add_flag("--json", context.json, "One JSON object: the unit as it stands afterwards");
  command->add_option("UNIT", *unit, "A unit of the manifest; `./quantum status` lists them")->required();
  command->callback([&context, unit, done, operation] {
    const auto layout = context.FindLayout();
    if (!layout.ok()) {
      context.Finish(layout.error());
      return;
    }
    LocalFleet fleet(layout.value());
    Status status = CheckUnit(fleet, *unit);
    if (status.ok()) {
      status = (fleet.*operation)(*unit);
    }
    if (status.ok() && context.json) {
      status = PrintState(fleet, *unit);
    } else if (status.ok()) {
      Print("{} {}\n", *unit, done);
    }
    context.Finish(status);
  });
}

}  // namespace

void AddUnitCommands(CLI::App& app, Context& context) {
  Add(app, context, "start", "Start one unit and wait until it is ready", "is ready", &LocalFleet::Start);
  Add(app, context, "stop", "Stop one unit; it stays down until `start`", "is stopped", &LocalFleet::Stop);
  Add(app, context, "restart", "Stop one unit, start it again and wait until it is ready", "is ready again",
      &LocalFleet::Restart);
}

}  // namespace quantum::operate
