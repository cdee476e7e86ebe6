#include "operator/commands/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "operator/commands/chaos.h"
#include "operator/commands/usage.h"
#include "operator/output.h"

namespace quantum::operate {

Result<Layout> Context::FindLayout() const {
  if (state.empty()) {
    QUANTUM_TRY(Layout layout, DefaultLayout(port_offset));
    QUANTUM_CHECK(CheckLength(layout));
    return layout;
  }
  std::string path = std::filesystem::absolute(state).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  Layout layout{path};
  QUANTUM_CHECK(CheckLength(layout));
  return layout;
}

std::string Context::ManifestPath() const {
  if (!manifest.empty()) {
    return std::filesystem::absolute(manifest).lexically_normal().string();
  }
  const char* root = std::getenv("QUANTUM_ROOT");  // set by the entry script
  return root != nullptr ? fmt::format("{}/quantum.yml", root) : std::filesystem::absolute("quantum.yml").string();
}

std::string CallerDirectory() {
  const char* const caller = std::getenv("QUANTUM_CALLER_DIR");
  return caller != nullptr ? caller : std::filesystem::current_path().string();
}

std::string FromCaller(const std::string& file) {
  return (std::filesystem::path(CallerDirectory()) / file).lexically_normal().string();
}

void Context::Fail(const Error& error, int code) {
  PrintError("quantum: {}\n", error.message);
  exit_code = code;
}

void Context::Finish(const Status& status) {
  if (!status.ok()) {
    const Errc code = status.error().code;
    Fail(status.error(), code == Errc::kUnavailable ? kNotRunning : code == Errc::kInvalidArgument ? kUsage : kFailed);
  }
}

Result<Running> FindRunning(const Context& context) {
  QUANTUM_TRY(Layout layout, context.FindLayout());
  auto launch = LoadLaunch(layout);
  if (!launch.ok()) {
    if (launch.error().code == Errc::kNotFound) {
      return Error{Errc::kUnavailable, fmt::format("the platform was never started in {}; start it with ./quantum up{}",
                                                   layout.root, HintOfRoot(layout))};
    }
    return launch.error();
  }
  QUANTUM_TRY(config::Manifest manifest, LoadRunningManifest(layout, launch.value()));
  return Running{std::move(layout), std::move(launch).value(), std::move(manifest)};
}

namespace {

constexpr const char* kDescription =
    "Quantum Trader: one program that starts the platform, watches it, and answers the operator.\n\n"
    "New here? `./quantum up` installs what is missing, builds and starts everything: paper trading on a synthetic\n"
    "market, no account needed. `./quantum status` shows what runs, `./quantum orders` what it does, `./quantum down`\n"
    "stops it; the data stays. Every command below has its own --help; docs/runbook.md says what to do when.\n";

constexpr const char* kFooter =
    "Before any of these, ./quantum itself installs missing packages and builds; it also has\n"
    "  test                        build and run every test (./quantum test --help)\n\n"
    "Exit codes: 0 ok, 1 failed, 2 wrong usage or manifest, 3 the platform does not run, 4 differences found;\n"
    "130 interrupted by Ctrl-C.";

int Run(CLI::App& app, Context& context, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    if (argc <= 1) {
      WriteError(app.help());
    } else {
      PrintError("quantum: {}\n", WrongUsage(app, error));
    }
    return kUsage;
  }
  return context.exit_code;
}

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  // A reader that goes away must not end a command in the middle of its work: `./quantum halt | head -1`.
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app(kDescription, "./quantum");
  Context context;
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  app.option_defaults()->always_capture_default(false);
  app.add_option("--state", context.state, "State directory (root: /var/lib/quantum-trader; else ~/.local/state/…)")
      ->type_name("DIR");
  app.add_option("--port-offset", context.port_offset, "Added to every port: several stacks side by side")
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  app.add_option("--manifest", context.manifest, "The manifest (default: quantum.yml of the checkout)")
      ->type_name("FILE");
  AddUp(app, context);
  AddDown(app, context);
  AddStatus(app, context);
  AddUnitCommands(app, context);
  AddLogs(app, context);
  AddRecords(app, context);
  AddTrace(app, context);
  AddVerify(app, context);
  AddBus(app, context);
  AddRedis(app, context);
  AddPostgres(app, context);
  AddBackup(app, context);
  AddTradestore(app, context);
  AddHalt(app, context);
  AddCheck(app, context);
  AddSchedule(app, context);
  AddBench(app, context);
  AddChaos(app, context);
  AddVersion(app, context);
  AddMigrate(app, context);
  AddSupervise(app, context);
  return FinishOutput(Run(app, context, argc, argv));
}

}  // namespace quantum::operate
