#include <CLI/CLI.hpp>
#include <memory>

#include "operator/commands/command.h"
#include "operator/supervisor/daemon.h"

namespace quantum::operate {

void AddSupervise(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("supervise", "Run the supervisor; `up` starts it");
  command->group("");  // not for the operator: not in the help
  auto keep = std::make_shared<bool>(false);
  command->add_flag("--keep", *keep, "Run its keeper, which brings it back when it dies");
  command->callback([&context, keep] {
    const auto layout = context.FindLayout();
    if (!layout.ok()) {
      context.Finish(layout.error());
      return;
    }
    context.exit_code = *keep ? RunKeeper(layout.value()) : RunSupervisor(layout.value());
  });
}

}  // namespace quantum::operate
