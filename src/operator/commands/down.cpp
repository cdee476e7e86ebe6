#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "operator/commands/command.h"
#include "operator/commands/stop.h"
#include "operator/output.h"
#include "operator/supervisor/daemon.h"
#include "operator/supervisor/leftovers.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::seconds kSupervisorWait(20);
constexpr std::chrono::seconds kLeaveMax(60);  // it stops what killed units have left behind

void Show(const UnitStatus& unit) {
  if (unit.state == State::kStopped) {
    Say(fmt::format("  stopped  {}", unit.name));
  }
}

bool UnitsLive(const Layout& layout) {
  if (!LivingRecords(layout.Records()).empty()) {
    return true;
  }
  const auto launch = LoadLaunch(layout);
  const auto manifest = launch.ok() ? LoadRunningManifest(layout, *launch) : Result<config::Manifest>(launch.error());
  return manifest.ok() && !Leftovers(layout, *manifest).empty();
}

// Waits for a supervisor that is to stop what still lives. Its own end, with nothing left, will do as well.
bool AwaitSupervisor(const LocalFleet& fleet, const Layout& layout) {
  const auto until = std::chrono::steady_clock::now() + kSupervisorWait;
  while (!fleet.Running() && UnitsLive(layout) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return fleet.Running();
}

// Until the supervisor is gone too: the next `up` shall not meet it.
void AwaitLeave(const LocalFleet& fleet) {
  const auto until = std::chrono::steady_clock::now() + kLeaveMax;
  while (fleet.Running() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Status StopEverything(const Layout& layout) {
  constexpr int kAttempts = 3;
  LocalFleet fleet(layout);
  if (!fleet.Running() && !UnitsLive(layout)) {
    return fleet.StopAll(Show);  // says why it cannot
  }
  for (int attempt = 1;; ++attempt) {
    if (!fleet.Running() && UnitsLive(layout)) {
      Say("The supervisor is gone, its units are not: stopping them.");
      QUANTUM_CHECK(LaunchStopper(layout));
      if (!AwaitSupervisor(fleet, layout) && UnitsLive(layout)) {
        return Error{Errc::kInternal, fmt::format("no supervisor could be started to stop the units; see {}",
                                                  layout.UnitOutput("supervisor"))};
      }
    }
    const Status stopped = fleet.StopAll(Show);
    const bool went_away = !stopped.ok() && stopped.error().code == Errc::kUnavailable;
    if (went_away && !UnitsLive(layout)) {
      return {};  // it had done its work before it was asked
    }
    if (stopped.ok()) {
      AwaitLeave(fleet);
    }
    if (!went_away || attempt == kAttempts) {
      return stopped;
    }
  }
}

namespace {

Status Down(const Context& context) {
  QUANTUM_TRY(const Layout layout, context.FindLayout());
  QUANTUM_CHECK(StopEverything(layout));
  Print("Everything is stopped; data is kept in {}. `./quantum up` continues with it.\n", layout.root);
  return {};
}

}  // namespace

void AddDown(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("down", "Stop everything in reverse order, then the supervisor; data is kept");
  command->callback([&context] { context.Finish(Down(context)); });
}

}  // namespace quantum::operate
