#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "operator/backup/replace.h"
#include "operator/commands/command.h"
#include "operator/commands/interrupts.h"
#include "operator/commands/options.h"
#include "operator/commands/plan.h"
#include "operator/commands/start.h"
#include "operator/output.h"
#include "operator/state/disk.h"
#include "operator/state/environment.h"
#include "operator/state/preparation.h"
#include "operator/state/secret_files.h"
#include "operator/state/stage.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;

struct UpCommand {
  UpOptions options;
  bool no_install = false;  // taken by the entry script; accepted here so that the arguments can be passed on
  bool foreground = false;
};

// Fills the state directory: everything up to the first process.
Result<Running> Prepare(const Layout& layout, const Plan& plan) {
  const config::Manifest& manifest = plan.manifest;
  QUANTUM_TRY(const Accounts accounts, FindAccounts(manifest, true));
  QUANTUM_TRY(const bool replaced, FinishReplacement(layout));
  if (replaced) {
    Say("A restore was interrupted while it replaced the database: what was left to be moved is moved.");
  }
  QUANTUM_CHECK(PrepareFolders(layout, manifest, accounts));
  Launch launch = plan.launch;
  QUANTUM_TRY(const std::string staged, StageRecordings(layout, launch.market));
  if (staged != launch.market) {
    launch.overrides.push_back("market.source=" + staged);
  }
  QUANTUM_CHECK(StagePrograms(layout, manifest));
  QUANTUM_TRY(const std::string manifest_text, ReadFile(manifest.path()));
  QUANTUM_CHECK(WriteFileAtomically(layout.ManifestFile(), manifest_text, 0644));
  QUANTUM_TRY(Variables variables, PrepareSecrets(layout, manifest, accounts));
  variables.plain = PlainVariables(layout, manifest).plain;
  const std::string infra = plan.source + "/infra";
  std::error_code error;
  if (fs::is_directory(infra, error)) {
    QUANTUM_CHECK(RenderInfra(layout, infra, variables, accounts));
    QUANTUM_CHECK(RenderRedis(layout, infra, variables, manifest, accounts));
    QUANTUM_CHECK(RenderPostgres(layout, infra, variables, manifest, accounts));
  }
  QUANTUM_CHECK(SaveLaunch(layout, launch));
  QUANTUM_TRY(config::Manifest running, LoadRunningManifest(layout, launch));
  return Running{layout, std::move(launch), std::move(running)};
}

Error AsFullDisk(const Layout& layout, const Error& error) {
  const bool met_it = error.code == Errc::kExhausted && error.message.find(layout.root) != std::string::npos;
  if ((!met_it && FreeBytes(layout.root) >= kFullBytes) || error.message.starts_with("The disk of")) {
    return error;
  }
  return Error{Errc::kExhausted, fmt::format("{} ({})", FullDisk(layout), error.message)};
}

bool LeftBehind(const Layout& layout) { return !LivingRecords(layout.Records()).empty() && LoadLaunch(layout); }

// Options are taken by a start alone: given to a platform that runs, they must be those it runs with.
Status CheckSameOptions(const Context& context, const Running& running, const UpOptions& options) {
  std::string market;
  if (!options.market.empty()) {
    QUANTUM_TRY(market, FindMarket(options.market));
  }
  QUANTUM_TRY(const std::vector<std::string> differences,
              Differences(options, market, context.port_offset, running.launch, running.manifest));
  if (!differences.empty()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("the platform in {} runs with other options, and takes them only when it is started: {}. "
                             "Stop it first (./quantum down), or leave these options out; nothing was changed",
                             running.layout.root, fmt::join(differences, ", "))};
  }
  const auto now = ReadFile(context.ManifestPath());
  const auto then = ReadFile(running.layout.ManifestFile());
  if (now.ok() && then.ok() && now.value() != then.value()) {
    Say(fmt::format("  note     {} has changed since the start; it is read by the next one", context.ManifestPath()));
  }
  return {};
}

// What runs already, with or without its supervisor: waits until it is ready, and starts no unit that was not wanted.
Status Join(const Context& context, const Layout& layout, const UpCommand& wanted, bool supervised) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_CHECK(CheckSameOptions(context, running, wanted.options));
  if (supervised) {
    Say(fmt::format("The platform runs already in {}.", layout.root));
  } else {
    // Rendered and started they are; what they were started with must not change under them.
    Say(fmt::format("Units of {} still run without a supervisor; it takes them over as they were started.",
                    layout.root));
    QUANTUM_CHECK(StartSupervisor(layout));
  }
  return AwaitReady(running, {.started_here = false, .foreground = wanted.foreground});
}

Status StartAnew(const Context& context, const Layout& layout, const UpCommand& wanted, Preparation preparation) {
  QUANTUM_TRY(const Plan plan, JudgeStart(context, layout, wanted.options));
  if (Interrupted()) {
    return Error{Errc::kCancelled, "interrupted before anything was started"};
  }
  for (const std::string& note : plan.notes) {
    Say("  note     " + note);
  }
  Say(fmt::format("Preparing {}", layout.root));
  auto running = Prepare(layout, plan);
  if (!running.ok()) {
    return AsFullDisk(layout, running.error());
  }
  if (Interrupted()) {
    return Error{Errc::kCancelled, "interrupted before anything was started"};
  }
  preparation.Keep();
  if (const Status started = StartSupervisor(layout); !started.ok()) {
    return AsFullDisk(layout, started.error());
  }
  {
    const Preparation over = std::move(preparation);  // whoever waits for it now meets a supervisor
  }
  Say(fmt::format("Starting {} units", running->manifest.units().size()));
  return AwaitReady(running.value(), {.started_here = true, .foreground = wanted.foreground});
}

Status Up(const Context& context, const UpCommand& wanted) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  QUANTUM_CHECK(ToOverrides(wanted.options));
  CatchInterrupts(wanted.foreground);
  if (LocalFleet(layout).Running()) {
    return Join(context, layout, wanted, true);
  }
  auto preparation = Preparation::Begin(layout, Interrupted, [&](pid_t holder) {
    Say(fmt::format("Another `up` (pid {}) prepares {}; waiting for it.", holder, layout.root));
  });
  if (!preparation.ok()) {
    return AsFullDisk(layout, preparation.error());
  }
  if (LocalFleet(layout).Running()) {
    return Join(context, layout, wanted, true);  // by the other `up`
  }
  if (LeftBehind(layout)) {
    return Join(context, layout, wanted, false);
  }
  return StartAnew(context, layout, wanted, std::move(preparation).value());
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
    wanted->options.market = JoinMarkets(*markets);
    const Status status = Up(context, *wanted);
    if (!status.ok()) {
      const Errc code = status.error().code;
      context.Fail(status.error(), code == Errc::kInvalidArgument ? kUsage
                                   : code == Errc::kCancelled     ? InterruptExitCode()
                                                                  : kFailed);
    }
  });
}

}  // namespace quantum::operate
