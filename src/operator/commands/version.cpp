#include <CLI/CLI.hpp>

#include "operator/commands/command.h"
#include "operator/output.h"

namespace quantum::operate {

void AddVersion(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->add_flag("--json", context.json, "One JSON object");
  command->callback([&context] {
    Write(context.json ? "{\"version\":\"" QUANTUM_VERSION "\"}\n" : "quantum " QUANTUM_VERSION "\n");
  });
}

}  // namespace quantum::operate
