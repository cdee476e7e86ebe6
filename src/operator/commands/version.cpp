#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "operator/commands/command.h"

namespace quantum::operate {

void AddVersion(CLI::App& app, Context&) {
  app.add_subcommand("version", "Print the version")->callback([] { fmt::print("quantum {}\n", QUANTUM_VERSION); });
}

}  // namespace quantum::operate
