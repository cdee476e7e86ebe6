#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "platform/lifecycle/runtime.h"
#include "platform/lifecycle/service.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"

namespace quantum::lifecycle {
namespace {

int Complain(const ServiceSpec& spec, const Error& error, int exit_code) {
  std::fprintf(stderr, "%s: %s\n", spec.name.c_str(), error.message.c_str());
  return exit_code;
}

Status CheckUnit(const ServiceSpec& spec, const config::Manifest& manifest) {
  const config::Unit* const unit = manifest.FindUnit(spec.unit);
  if (unit == nullptr || unit->port == 0) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{}: {} `{}`: add it under `units`", manifest.path(),
                             unit == nullptr ? "there is no unit" : "no port for the unit", spec.unit)};
  }
  return {};
}

Status SetUpLog(const ServiceSpec& spec, const config::Manifest& manifest) {
  log::Options options{
      .service = spec.name, .file = spec.Process(), .directory = manifest.state_directory() + "/log/services"};
  config::Section limits = manifest.Top("limits");
  options.masked_keys = limits.GetStrings("masked_keys", {});
  if (const char* const level = std::getenv("QUANTUM_LOG_LEVEL"); level != nullptr && *level != '\0') {
    QUANTUM_TRY(options.level, log::ParseLevel(level));
  }
  return log::Setup(options);
}

int RunService(ServiceSpec spec, const ComponentFactory& factory, bool check) {
  Result<config::Manifest> manifest = config::Manifest::FromEnvironment();
  if (!manifest.ok()) {
    return Complain(spec, manifest.error(), kExitUsage);
  }
  if (const Status unit = CheckUnit(spec, *manifest); !unit.ok()) {
    return Complain(spec, unit.error(), kExitUsage);
  }
  if (check) {
    log::SetLevel(log::Level::kCritical);  // the one sentence on standard error says it all
  } else if (const Status set_up = SetUpLog(spec, *manifest); !set_up.ok()) {
    return Complain(spec, set_up.error(), set_up.error().code == Errc::kInvalidArgument ? kExitUsage : kExitFailed);
  }
  auto runtime = Runtime::Make(spec, *std::move(manifest), check);
  if (!runtime.ok()) {
    log::Critical("service failed to start", {{"error", runtime.error().message}});
    return Complain(spec, runtime.error(), kExitUsage);
  }
  // Never destroyed: see Runtime.
  Runtime* const running = std::move(runtime).value().release();
  return check ? running->RunCheck(factory) : running->Run(factory);
}

}  // namespace

int Main(int argc, char** argv, ServiceSpec spec, const ComponentFactory& factory) {
  const std::string_view option = argc == 2 ? argv[1] : "";
  if (argc > 2 || (argc == 2 && option != "--check" && option != "--version")) {
    std::fprintf(stderr, "usage: %s [--check | --version]\n", argv[0]);
    return kExitUsage;
  }
  if (option == "--version") {
    std::printf("%s %s\n", spec.name.c_str(), std::string(Version()).c_str());
    return kExitOk;
  }
  if (const char* const unit = std::getenv("QUANTUM_UNIT"); unit != nullptr && *unit != '\0' && spec.unit != unit) {
    spec.unit = unit;
    spec.process = fmt::format("{}-service", unit);
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int exit_code = RunService(std::move(spec), factory, option == "--check");
  log::Shutdown();
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace quantum::lifecycle
