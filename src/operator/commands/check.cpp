#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "operator/commands/command.h"
#include "operator/commands/service_check.h"
#include "operator/commands/table.h"
#include "platform/config/scalars.h"

namespace quantum::operate {

namespace {

std::string Memory(uint64_t bytes) { return bytes == 0 ? "-" : fmt::format("{} MiB", bytes >> 20); }

void PrintLimits(const config::Manifest& manifest) {
  std::vector<std::vector<std::string>> rows;
  for (const config::Unit& unit : manifest.units()) {
    const config::Limits& limits = unit.limits;
    if (limits.memory_bytes != 0 || limits.open_files != 0 || limits.cpu.count() != 0 || unit.schedule.set()) {
      rows.push_back({unit.name, Memory(limits.memory_bytes),
                      limits.open_files == 0 ? "-" : std::to_string(limits.open_files),
                      limits.cpu.count() == 0 ? "-" : config::FormatDuration(limits.cpu),
                      unit.schedule.set() ? unit.schedule.text : "-"});
    }
  }
  if (!rows.empty()) {
    fmt::print("{}", FormatTable({"unit", "memory", "open files", "cpu", "schedule"}, rows));
  }
}

// A recording is looked for where the manifest lies, as `up` does.
Status CheckRecordings(const config::Manifest& manifest) {
  config::Section market = manifest.Top("market");
  const std::string source = market.GetString("source", "synthetic");
  constexpr std::string_view kRecording = "recording:";
  std::string_view rest = source;
  if (!rest.starts_with(kRecording)) {
    return {};
  }
  rest.remove_prefix(kRecording.size());
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto file = std::filesystem::path(manifest.path()).parent_path() / name;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      market.Complain("source", fmt::format("there is no recording {}", file.string()));
      return market.Finish();
    }
  }
  return {};
}

Status Check(const Context& context) {
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::Load(context.ManifestPath(), {}, context.port_offset));
  QUANTUM_CHECK(CheckRecordings(manifest));
  QUANTUM_TRY(const int services, CheckServices(manifest));
  fmt::print("{} is good: {}, {} symbols, {} units; {} services accept their options\n", manifest.path(),
             config::ToString(manifest.mode()), manifest.symbols().size(), manifest.units().size(), services);
  PrintLimits(manifest);
  return {};
}

}  // namespace

void AddCheck(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("check", "Validate the manifest, the services' options included; complaints name the line");
  command->callback([&context] { context.Finish(Check(context)); });
}

}  // namespace quantum::operate
