#include <CLI/CLI.hpp>
#include <memory>

#include "operator/commands/command.h"
#include "operator/supervisor/daemon.h"

namespace quantum::operate {

void AddSupervise(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("supervise", "Run the supervisor; `up` starts it");
  command->group("");  // not for the operator: not in the help
  struct Wanted {
    bool keep = false;
    pid_t watch = 0;
    bool stop = false;
  };
  auto wanted = std::make_shared<Wanted>();
  command->add_flag("--keep", wanted->keep, "Run its keeper, which brings it back when it dies");
  command->add_option("--watch", wanted->watch, "As keeper: look after this supervisor first");
  command->add_flag("--stop", wanted->stop, "Only stop what an earlier supervisor left");
  command->callback([&context, wanted] {
    const auto layout = context.FindLayout();
    if (!layout.ok()) {
      context.Finish(layout.error());
      return;
    }
    context.exit_code =
        wanted->keep ? RunKeeper(layout.value(), wanted->watch) : RunSupervisor(layout.value(), wanted->stop);
  });
}

}  // namespace quantum::operate
