#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "operator/commands/command.h"

namespace quantum::operate {

namespace {

Status Check(const Context& context) {
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::Load(context.ManifestPath(), {}, context.port_offset));
  fmt::print("{} is good: {}, {} symbols, {} units\n", manifest.path(), config::ToString(manifest.mode()),
             manifest.symbols().size(), manifest.units().size());
  return {};
}

}  // namespace

void AddCheck(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("check", "Validate the manifest; complaints name the line");
  command->callback([&context] { context.Finish(Check(context)); });
}

}  // namespace quantum::operate
