#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>

#include "operator/commands/command.h"
#include "operator/commands/service_check.h"
#include "operator/output.h"
#include "operator/state/repository.h"
#include "operator/state/stage.h"
#include "operator/table.h"
#include "platform/config/scalars.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

std::string Memory(uint64_t bytes) { return bytes == 0 ? "-" : fmt::format("{} MiB", bytes >> 20); }

bool IsLimited(const config::Unit& unit) {
  const config::Limits& limits = unit.limits;
  return limits.memory_bytes != 0 || limits.open_files != 0 || limits.cpu.count() != 0 || unit.schedule.set();
}

void PrintLimits(const config::Manifest& manifest) {
  std::vector<std::vector<std::string>> rows;
  for (const config::Unit& unit : manifest.units()) {
    if (IsLimited(unit)) {
      const config::Limits& limits = unit.limits;
      rows.push_back({unit.name, Memory(limits.memory_bytes),
                      limits.open_files == 0 ? "-" : std::to_string(limits.open_files),
                      limits.cpu.count() == 0 ? "-" : config::FormatDuration(limits.cpu),
                      unit.schedule.set() ? unit.schedule.text : "-"});
    }
  }
  if (!rows.empty()) {
    Write(FormatTable({"unit", "memory", "open files", "cpu", "schedule"}, rows));
  }
}

// A limit that is not set is 0, a schedule "".
json::object ToJson(const config::Manifest& manifest, int services) {
  json::array units;
  for (const config::Unit& unit : manifest.units()) {
    units.push_back({{"unit", unit.name},
                     {"memory_bytes", unit.limits.memory_bytes},
                     {"open_files", unit.limits.open_files},
                     {"cpu_seconds", std::chrono::duration<double>(unit.limits.cpu).count()},
                     {"schedule", unit.schedule.text}});
  }
  return {{"manifest", manifest.path()},
          {"mode", config::ToString(manifest.mode())},
          {"symbols", json::array(manifest.symbols().begin(), manifest.symbols().end())},
          {"services_asked", services},
          {"units", std::move(units)}};
}

// A recording is looked for where the manifest lies, as `up` does.
Status CheckRecordings(const config::Manifest& manifest) {
  config::Section market = manifest.Top("market");
  const auto found = FindRecordings(market.GetString("source", "synthetic"),
                                    std::filesystem::path(manifest.path()).parent_path().string());
  if (!found.ok()) {
    market.Complain("source", found.error().message);
  }
  return found.ok() ? Status() : market.Finish();
}

Status Check(const Context& context) {
  QUANTUM_TRY(const config::Manifest manifest, config::Manifest::Load(context.ManifestPath(), {}, context.port_offset));
  QUANTUM_CHECK(CheckRecordings(manifest));
  QUANTUM_TRY([[maybe_unused]] const Repository repository, ReadRepository(manifest));
  QUANTUM_TRY(const int services, CheckServices(manifest, {.port_offset = context.port_offset}));
  if (context.json) {
    Print("{}\n", json::serialize(ToJson(manifest, services)));
    return {};
  }
  Print("{} is good: {}, {} symbols, {} units; {} services accept their options\n", manifest.path(),
        config::ToString(manifest.mode()), manifest.symbols().size(), manifest.units().size(), services);
  PrintLimits(manifest);
  return {};
}

}  // namespace

void AddCheck(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("check", "Validate the manifest, the services' options included; complaints name the line");
  command->add_flag("--json", context.json, "One JSON object");
  command->callback([&context] { context.Finish(Check(context)); });
}

}  // namespace quantum::operate
