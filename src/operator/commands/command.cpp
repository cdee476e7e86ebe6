#include "operator/commands/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "operator/commands/chaos.h"

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

void Context::Fail(const Error& error, int code) {
  fmt::print(stderr, "quantum: {}\n", error.message);
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

Result<std::vector<std::string>> ToOverrides(const UpOptions& options) {
  std::vector<std::string> overrides;
  if (!options.market.empty()) {
    const bool known = options.market == "synthetic" ||
                       (options.market.starts_with("recording:") && options.market.size() > sizeof("recording:") - 1);
    if (!known) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("--market {}: must be synthetic or recording:FILE[,FILE]", options.market)};
    }
    overrides.push_back("market.source=" + options.market);
  }
  if (!options.speed.empty()) {
    if (options.speed != "1" && options.speed != "10" && options.speed != "max") {
      return Error{Errc::kInvalidArgument, fmt::format("--speed {}: must be 1, 10 or max", options.speed)};
    }
    overrides.push_back("market.speed=" + options.speed);
  }
  if (!options.strategy.empty()) {
    overrides.push_back("strategy.name=" + options.strategy);
  }
  for (const std::string& each : options.set) {
    const size_t equals = each.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error{Errc::kInvalidArgument, fmt::format("--set {}: must be key.of.the.manifest=value", each)};
    }
    overrides.push_back(each);
  }
  return overrides;
}

namespace {

constexpr const char* kFooter =
    "Before any of these, ./quantum itself installs missing packages and builds; it also has\n"
    "  test                        build and run every test (./quantum test --help)\n\n"
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the platform does not run, 4 differences found.";

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  CLI::App app("Quantum Trader: brings the platform up, watches it, and answers the operator.", "./quantum");
  Context context;
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  app.option_defaults()->always_capture_default(false);
  app.add_option("--state", context.state, "State directory (root: /var/lib/quantum-trader; else ~/.local/state/…)")
      ->type_name("DIR");
  app.add_option("--port-offset", context.port_offset, "Added to every port: several stacks side by side")
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
  AddHalt(app, context);
  AddCheck(app, context);
  AddSchedule(app, context);
  AddBench(app, context);
  AddChaos(app, context);
  AddVersion(app, context);
  AddMigrate(app, context);
  AddSupervise(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kUsage;
  }
  return context.exit_code;
}

}  // namespace quantum::operate
