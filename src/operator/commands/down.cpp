#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "operator/commands/command.h"
#include "operator/local_fleet.h"

namespace quantum::operate {

namespace {

Status Down(const Context& context) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  LocalFleet fleet(layout);
  QUANTUM_CHECK(fleet.StopAll([](const UnitStatus& unit) {
    if (unit.state == State::kStopped) {
      fmt::print("  stopped  {}\n", unit.name);
      std::fflush(stdout);
    }
  }));
  fmt::print("Everything is stopped; data is kept in {}. `./quantum up` continues with it.\n", layout.root);
  return {};
}

}  // namespace

void AddDown(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("down", "Stop everything in reverse order, then the supervisor; data is kept");
  command->callback([&context] { context.Finish(Down(context)); });
}

}  // namespace quantum::operate
