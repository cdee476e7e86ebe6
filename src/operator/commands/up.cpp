#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "operator/commands/command.h"
#include "operator/commands/service_check.h"
#include "operator/commands/start.h"
#include "operator/local_fleet.h"
#include "operator/state/environment.h"
#include "operator/state/ports.h"
#include "operator/state/recorded_symbols.h"
#include "operator/state/secret_files.h"
#include "operator/state/stage.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

struct UpCommand {
  UpOptions options;
  bool no_install = false;  // taken by the entry script; accepted here so that the arguments can be passed on
  bool foreground = false;
};

// What the units may know of the caller's environment: the documented overrides. Secrets that it names are copied.
std::map<std::string, std::string> PassedOn() {
  std::map<std::string, std::string> passed;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const size_t equals = entry.find('=');
    const std::string_view key = entry.substr(0, equals);
    if (equals != std::string_view::npos && (key == "REDIS_SENTINEL_HOSTS" || key == "REDIS_MASTER_NAME")) {
      passed[std::string(key)] = entry.substr(equals + 1);
    }
  }
  return passed;
}

// Everything up to the first process: manifest, ports, users, files.
Result<Running> Prepare(const Context& context, const Layout& layout, const UpCommand& wanted) {
  const std::string manifest_path = context.ManifestPath();
  const std::string source = fs::path(manifest_path).parent_path().string();
  QUANTUM_TRY(std::vector<std::string> overrides, ToOverrides(wanted.options));
  QUANTUM_TRY(config::Manifest manifest, config::Manifest::Load(manifest_path, overrides, context.port_offset));

  const std::map<int, Holder> listening = ListeningPorts();
  std::set<pid_t> ours;  // left behind by an earlier supervisor: found again, not strangers on our ports
  for (const UnitRecord& record : LivingRecords(layout.Records())) {
    const std::vector<pid_t> family = Descendants(record.process->pid);
    ours.insert(family.begin(), family.end());
  }
  for (const config::Unit& unit : manifest.units()) {
    const PortChoice choice = ChoosePort(unit, context.port_offset, MayBindLowPorts(), listening, ours);
    if (choice.port != unit.port) {
      Say("  note     " + choice.note);
      overrides.push_back(fmt::format("units.{}.port={}", unit.name, choice.port));
    }
  }
  QUANTUM_TRY(manifest, config::Manifest::Load(manifest_path, overrides, context.port_offset));
  if (manifest.FindUnit("gateway") != nullptr) {
    overrides.push_back(OriginsOverride(manifest));
    QUANTUM_TRY(manifest, config::Manifest::Load(manifest_path, overrides, context.port_offset));
  }
  QUANTUM_CHECK(CheckPortsFree(manifest.units(), context.port_offset, listening, ours));

  QUANTUM_TRY(const Accounts accounts, FindAccounts(manifest, true));
  QUANTUM_CHECK(PrepareFolders(layout, manifest, accounts));
  config::Section market = manifest.Top("market");
  const std::string market_source = market.GetString("source", "synthetic");
  const char* caller = std::getenv("QUANTUM_CALLER_DIR");  // the entry script changes into the checkout
  const std::string here = caller != nullptr ? caller : fs::current_path().string();
  QUANTUM_TRY(const std::string staged,
              StageRecordings(layout, market_source, wanted.options.market.empty() ? source : here));
  if (staged != market_source) {
    overrides.push_back("market.source=" + staged);
  }
  QUANTUM_TRY(const std::vector<std::string> recorded, RecordedSymbols(staged, manifest.symbols()));
  if (recorded.size() < manifest.symbols().size()) {
    Say(fmt::format("  note     the recording holds {} alone: the other symbols of the manifest are left out",
                    fmt::join(recorded, ", ")));
    overrides.push_back(fmt::format("symbols=[{}]", fmt::join(recorded, ", ")));
  }
  QUANTUM_CHECK(StagePrograms(layout, manifest));
  QUANTUM_TRY(const std::string manifest_text, ReadFile(manifest_path));
  QUANTUM_CHECK(WriteFileAtomically(layout.ManifestFile(), manifest_text, 0644));
  QUANTUM_TRY(Variables variables, PrepareSecrets(layout, manifest, accounts));
  variables.plain = PlainVariables(layout, manifest).plain;
  const std::string infra = source + "/infra";
  std::error_code error;
  if (fs::is_directory(infra, error)) {
    QUANTUM_CHECK(RenderInfra(layout, infra, variables, accounts));
    QUANTUM_CHECK(RenderRedis(layout, infra, variables, manifest, accounts));
  }
  Launch launch{.overrides = std::move(overrides),
                .port_offset = context.port_offset,
                .environment = PassedOn(),
                .source_root = source};
  QUANTUM_CHECK(SaveLaunch(layout, launch));
  QUANTUM_TRY(config::Manifest running, LoadRunningManifest(layout, launch));
  Running result{layout, std::move(launch), std::move(running)};
  QUANTUM_CHECK(CheckServices(result, accounts));
  return result;
}

Status Up(const Context& context, const UpCommand& wanted) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  if (wanted.foreground) {
    CatchInterrupts();
  }
  if (LocalFleet(layout).Running()) {
    Say(fmt::format("The platform runs already in {}; options are taken on the next start.", layout.root));
    QUANTUM_TRY(const Running running, FindRunning(context));
    return AwaitReady(running, wanted.foreground);
  }
  if (!LivingRecords(layout.Records()).empty() && LoadLaunch(layout)) {
    // Rendered and started they are; what they were started with must not change under them.
    Say(
        fmt::format("Units of {} still run without a supervisor; it takes them over as they were started. Options are "
                    "taken on the next start.",
                    layout.root));
    QUANTUM_TRY(const Running running, FindRunning(context));
    QUANTUM_CHECK(StartSupervisor(layout));
    return AwaitReady(running, wanted.foreground);
  }
  Say(fmt::format("Preparing {}", layout.root));
  QUANTUM_TRY(const Running running, Prepare(context, layout, wanted));
  QUANTUM_CHECK(StartSupervisor(layout));
  Say(fmt::format("Starting {} units", running.manifest.units().size()));
  return AwaitReady(running, wanted.foreground);
}

}  // namespace

void AddUp(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("up", "Start everything, or say what runs; the command's end is its readiness");
  auto wanted = std::make_shared<UpCommand>();
  auto markets = std::make_shared<std::vector<std::string>>();
  command->add_option("--market", *markets, "synthetic, or recording:FILE[,FILE]; recordings may be given repeatedly")
      ->type_name("SOURCE");
  command->add_option("--speed", wanted->options.speed, "Of the replay: 1, 10 or max")->type_name("SPEED");
  command->add_option("--strategy", wanted->options.strategy, "ensemble or exerciser")->type_name("NAME");
  command->add_option("--set", wanted->options.set, "Overrides a key of the manifest, repeatedly")
      ->type_name("KEY=VALUE");
  command->add_flag("--no-install", wanted->no_install, "Only check that packages are installed");
  command->add_flag("--foreground", wanted->foreground, "Stay until interrupted, then stop everything");
  command->callback([&context, wanted, markets] {
    for (const std::string& market : *markets) {
      std::string_view text = market;
      if (!wanted->options.market.empty() && text.starts_with("recording:")) {
        text.remove_prefix(sizeof("recording:") - 1);
      }
      wanted->options.market += (wanted->options.market.empty() ? "" : ",") + std::string(text);
    }
    const Status status = Up(context, *wanted);
    if (!status.ok()) {
      context.Fail(status.error(), status.error().code == Errc::kInvalidArgument ? kUsage : kFailed);
    }
  });
}

}  // namespace quantum::operate
