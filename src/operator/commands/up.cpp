#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "operator/commands/command.h"
#include "operator/commands/unit_table.h"
#include "operator/local_fleet.h"
#include "operator/state/environment.h"
#include "operator/state/ports.h"
#include "operator/state/stage.h"
#include "operator/supervisor/daemon.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kSupervisorStart(5);
constexpr std::chrono::seconds kCheckDeadline(10);
constexpr int kOutputLinesShown = 5;

struct UpCommand {
  UpOptions options;
  bool no_install = false;  // taken by the entry script; accepted here so that the arguments can be passed on
  bool foreground = false;
};

void Say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// What the units may know of the caller's environment: places of secrets, and the documented overrides.
std::map<std::string, std::string> PassedOn() {
  std::map<std::string, std::string> passed;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const size_t equals = entry.find('=');
    const std::string_view key = entry.substr(0, equals);
    if (equals != std::string_view::npos &&
        (key == "REDIS_SENTINEL_HOSTS" || key == "REDIS_MASTER_NAME" ||
         ((key.ends_with("_TOKEN_FILE") || key.ends_with("_KEY_FILE") || key.ends_with("_SECRET_FILE"))))) {
      passed[std::string(key)] = entry.substr(equals + 1);
    }
  }
  return passed;
}

// Processes that an earlier supervisor left behind: they are found again, not strangers on our ports.
std::set<pid_t> LeftBehind(const Layout& layout) {
  std::set<pid_t> pids;
  for (const UnitRecord& record : ReadRecords(layout.Records())) {
    if (record.process && IsAlive(*record.process)) {
      for (const pid_t pid : Descendants(record.process->pid)) {
        pids.insert(pid);
      }
    }
  }
  return pids;
}

// `<binary> --check` of every service: its own options are its own complaint, before anything is started.
Status CheckServices(const Running& running, const Accounts& accounts) {
  for (const config::Unit& unit : running.manifest.units()) {
    if (unit.kind != config::Unit::Kind::kService) {
      continue;
    }
    QUANTUM_TRY(ProcessSpec spec, UnitProcess(running.layout, running.launch, running.manifest, unit, accounts));
    spec.command.push_back("--check");
    QUANTUM_TRY(const pid_t pid, Spawn(spec));
    const auto until = steady_clock::now() + kCheckDeadline;
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
      if (steady_clock::now() > until) {
        ::kill(pid, SIGKILL);
      }
      std::this_thread::sleep_for(milliseconds(2));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      return Error{Errc::kInvalidArgument, fmt::format("{} refuses its configuration: {}", unit.name,
                                                       Tail(running.layout.UnitOutput(unit.name), 1))};
    }
  }
  return {};
}

// Everything up to the first process: manifest, ports, users, files.
Result<Running> Prepare(const Context& context, const Layout& layout, const UpCommand& wanted) {
  const std::string manifest_path = context.ManifestPath();
  const std::string source = fs::path(manifest_path).parent_path().string();
  QUANTUM_TRY(std::vector<std::string> overrides, ToOverrides(wanted.options));
  QUANTUM_TRY(config::Manifest manifest, config::Manifest::Load(manifest_path, overrides, context.port_offset));

  const std::map<int, Holder> listening = ListeningPorts();
  const std::set<pid_t> ours = LeftBehind(layout);
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
  QUANTUM_CHECK(StagePrograms(layout, manifest));
  QUANTUM_TRY(const std::string manifest_text, ReadFile(manifest_path));
  QUANTUM_CHECK(WriteFileAtomically(layout.ManifestFile(), manifest_text, 0644));
  QUANTUM_TRY(Variables variables, PrepareSecrets(layout, accounts));
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

void Progress(const UnitStatus& unit, steady_clock::time_point begin) {
  if (unit.state == State::kReady || unit.state == State::kDone || unit.state == State::kFailed ||
      unit.state == State::kBackoff) {
    const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    const std::string detail = unit.detail.empty() ? "" : fmt::format(" ({})", unit.detail);
    Say(fmt::format("  {:<8} {} after {:.1f} s{}", ToString(unit.state), unit.name, seconds, detail));
  }
}

// "redis-1 exited with code 1" with what it last said.
Error Explain(const Running& running, const Error& error) {
  const std::string unit = error.message.substr(0, error.message.find(' '));
  std::string said;
  if (running.manifest.FindUnit(unit) != nullptr) {
    said = Tail(running.layout.UnitOutput(unit), kOutputLinesShown);
  }
  const bool disk_full = said.find("No space left on device") != std::string::npos;
  std::string message = fmt::format("{}; {} see {} and start again. Everything is stopped again.", error.message,
                                    disk_full ? "the disk is full: free some space," : "correct the cause,",
                                    running.layout.UnitOutput(unit));
  if (!said.empty()) {
    message += fmt::format("\nIts last words:\n{}", said);
  }
  return Error{error.code, message};
}

void Summary(const Running& running, const std::vector<UnitStatus>& units) {
  Say("");
  fmt::print("{}", FormatUnits(units));
  config::Section market = running.manifest.Top("market");
  Say(fmt::format("\nMode {}, market {}.", config::ToString(running.manifest.mode()),
                  MarketLabel(market.GetString("source", "synthetic"), market.GetString("seed", "1"),
                              market.GetString("speed", "1"))));
  if (running.manifest.FindUnit("gateway") != nullptr) {
    Say(fmt::format("Gateway: http://{}:{}", running.manifest.bind_address(), running.manifest.Port("gateway")));
  }
  Say("Try next: ./quantum status, ./quantum orders, ./quantum logs execution -f, ./quantum down");
}

Status WaitForSupervisor(const LocalFleet& fleet, const Layout& layout) {
  const auto until = steady_clock::now() + kSupervisorStart;
  while (!fleet.Running()) {
    if (steady_clock::now() > until) {
      return Error{Errc::kInternal,
                   fmt::format("the supervisor did not start: {}; see {}", Tail(layout.UnitOutput("supervisor"), 1),
                               layout.UnitOutput("supervisor"))};
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return {};
}

volatile sig_atomic_t g_interrupted = 0;

// Stays until it is interrupted, then takes everything down; ends early when the platform was stopped elsewhere.
Status Foreground(LocalFleet& fleet) {
  const auto interrupt = [](int) { g_interrupted = 1; };
  ::signal(SIGINT, interrupt);
  ::signal(SIGTERM, interrupt);
  Say("Running in the foreground; Ctrl-C stops everything.");
  constexpr milliseconds kPoll(300);
  constexpr int kAwayMax = 100;  // 30 s: the keeper brings a supervisor that died back much sooner
  for (int away = 0; g_interrupted == 0 && away < kAwayMax; std::this_thread::sleep_for(kPoll)) {
    away = fleet.Running() ? 0 : away + 1;
  }
  return fleet.Running() ? fleet.StopAll() : Status();
}

Status Up(const Context& context, const UpCommand& wanted) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  LocalFleet fleet(layout);
  if (fleet.Running()) {
    QUANTUM_TRY(const Running running, FindRunning(context));
    QUANTUM_TRY(const std::vector<UnitStatus> units, fleet.List());
    Say(fmt::format("The platform runs already in {}; options are taken on the next start.", layout.root));
    Summary(running, units);
    return {};
  }
  const auto begin = steady_clock::now();
  Say(fmt::format("Preparing {}", layout.root));
  QUANTUM_TRY(const Running running, Prepare(context, layout, wanted));
  QUANTUM_CHECK(LaunchKeeper(layout));
  QUANTUM_CHECK(WaitForSupervisor(fleet, layout));
  Say(fmt::format("Starting {} units", running.manifest.units().size()));
  std::map<std::string, State> shown;
  const Status started = fleet.Watch([&](const UnitStatus& unit) {
    const auto [entry, first] = shown.emplace(unit.name, unit.state);
    if (first || entry->second != unit.state) {
      entry->second = unit.state;
      Progress(unit, begin);
    }
  });
  if (!started.ok()) {
    const Error explained = Explain(running, started.error());
    if (const Status stopped = fleet.StopAll(); !stopped.ok()) {
      return stopped.error().Within(explained.message + "\nstopping what was started");
    }
    return explained;
  }
  QUANTUM_TRY(const std::vector<UnitStatus> units, fleet.List());
  Summary(running, units);
  return wanted.foreground ? Foreground(fleet) : Status();
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
