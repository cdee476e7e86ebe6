#include "operator/commands/start.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "operator/commands/interrupts.h"
#include "operator/commands/stop.h"
#include "operator/commands/unit_table.h"
#include "operator/output.h"
#include "operator/process/words.h"
#include "operator/state/disk.h"
#include "operator/supervisor/daemon.h"
#include "operator/supervisor/local_fleet.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kSupervisorStart(15);
constexpr std::chrono::seconds kSupervisorBack(20);  // its keeper waits 10 s at most
constexpr std::chrono::seconds kStopperWait(10);
constexpr milliseconds kWithinPoll(20);

// After "left: ".
constexpr const char* kStartsBehind =
    "the platform goes on in the background; ./quantum status shows it, ./quantum down stops it";
constexpr const char* kStopsBehind = "everything goes on being stopped in the background; ./quantum status shows it";

template <class Condition>
bool Within(std::chrono::seconds limit, Condition condition) {
  const auto until = steady_clock::now() + limit;
  while (!condition()) {
    if (steady_clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(kWithinPoll);
  }
  return true;
}

void Progress(const UnitStatus& unit, steady_clock::time_point begin) {
  if (unit.state == State::kReady || unit.state == State::kDone || unit.state == State::kFailed ||
      unit.state == State::kBackoff) {
    const double passed = std::chrono::duration<double>(steady_clock::now() - begin).count();
    const std::string detail = unit.detail.empty() ? "" : fmt::format(" ({})", unit.detail);
    Say(fmt::format("  {:<8} {} after {:.1f} s{}", ToString(unit.state), unit.name, passed, detail));
  }
}

// What to do about it, from the words that servers and services use for the usual causes. One that met a full disk may
// not have found room for its words.
std::string Advice(const Running& running, const LocalFleet::Refusal& refusal) {
  const std::string text = refusal.what + "\n" + refusal.last_words;
  const auto says = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string::npos; });
  };
  if (refusal.disk_full || says({"No space left on device", "disk is full", "Disk quota exceeded"})) {
    return FullDisk(running.layout);
  }
  if (says({"WRONGPASS", "NOAUTH", "password authentication failed", "SASL authentication failed",
            "invalid username-password"})) {
    return fmt::format(
        "A password does not fit: put the files back into {} that belong to the data in {}, and start again",
        running.layout.Secrets(), running.layout.Data());
  }
  return fmt::format("Correct the cause, see {}, and start again", running.layout.UnitOutput(refusal.unit));
}

Error Explain(const Running& running, const LocalFleet::Refusal& refusal) {
  if (refusal.unit.empty()) {
    return Error{Errc::kConflict, refusal.what};
  }
  std::string message = fmt::format("{} {}. {}.", refusal.unit, refusal.what, Advice(running, refusal));
  if (refusal.stopped) {
    message += " Everything is stopped again.";
  }
  if (!refusal.last_words.empty()) {
    message += fmt::format("\nIts last words:\n{}", refusal.last_words);
  }
  return Error{Errc::kInternal, message};
}

void Summary(const Running& running, const std::vector<UnitStatus>& units) {
  Say("");
  Print("{}", FormatUnits(units));
  config::Section market = running.manifest.Top("market");
  Say(fmt::format("\nMode {}, market {}.", config::ToString(running.manifest.mode()),
                  MarketLabel(market.GetString("source", "synthetic"), market.GetString("seed", "1"),
                              market.GetString("speed", "1"))));
  if (running.manifest.FindUnit("gateway") != nullptr) {
    Say(fmt::format("Gateway: http://{}:{}", config::InUrl(running.manifest.AddressOf("gateway")),
                    running.manifest.Port("gateway")));
  }
  Say("Try next: ./quantum status, ./quantum orders, ./quantum logs execution -f, ./quantum down");
}

bool NothingLeft(const Layout& layout) {
  return ::access(layout.Socket().c_str(), F_OK) != 0 && LivingRecords(layout.Records()).empty();
}

// As Watch, over the deaths of the supervisor: its keeper brings it back.
Status WatchPatiently(LocalFleet& fleet, const Running& running) {
  const auto begin = steady_clock::now();
  std::map<std::string, State> shown;
  while (true) {
    const Status status = fleet.Watch([&](const UnitStatus& unit) {
      const auto [entry, first] = shown.emplace(unit.name, unit.state);
      if (first || entry->second != unit.state) {
        entry->second = unit.state;
        Progress(unit, begin);
      }
    });
    if (status.ok() || status.error().code != Errc::kUnavailable) {
      return status;
    }
    Within(kSupervisorBack, [&] { return Interrupted() || fleet.Running() || NothingLeft(running.layout); });
    if (Interrupted()) {
      return Error{Errc::kCancelled, "interrupted"};
    }
    if (!fleet.Running()) {
      return NothingLeft(running.layout)
                 ? Error{Errc::kConflict, "the platform was stopped while it started"}
                 : Error{Errc::kInternal,
                         fmt::format("the supervisor went away and does not come back; see {}. Units may still run: "
                                     "./quantum down stops them",
                                     running.layout.UnitOutput("supervisor"))};
    }
  }
}

// Stays until it is interrupted, then takes everything down; ends early when the platform was stopped elsewhere.
Status Foreground(const Layout& layout) {
  Say("Running in the foreground; Ctrl-C stops everything.");
  LocalFleet fleet(layout);
  while (!Interrupted() && Within(kSupervisorBack, [&] { return Interrupted() || fleet.Running(); })) {
    std::this_thread::sleep_for(milliseconds(300));
  }
  SayWhenLeft(kStopsBehind);
  return fleet.Running() ? StopEverything(layout) : Status();
}

// The answer to an interrupt before everything was ready.
Error EndEarly(const Running& running, const Start& start) {
  if (!start.started_here && !start.foreground) {
    return Error{Errc::kCancelled,
                 "interrupted; the platform was not started by this command and goes on: ./quantum status shows it, "
                 "./quantum down stops it"};
  }
  SayWhenLeft(kStopsBehind);
  Say("Interrupted: stopping what was started. Interrupt again to leave at once.");
  const Status stopped = StopEverything(running.layout);
  // Nothing runs: it had failed at the same moment.
  const bool done = stopped.ok() || stopped.error().code == Errc::kUnavailable;
  return Error{Errc::kCancelled, done ? "interrupted while it started; everything is stopped, data is kept"
                                      : stopped.error().Within("stopping what was started").message};
}

// SIGTERM first: it passes that on to a supervisor which is only slow.
void EndKeeper(pid_t keeper) {
  ::kill(keeper, SIGTERM);
  if (!Within(kStopperWait, [&] { return ::waitpid(keeper, nullptr, WNOHANG) != 0; })) {
    for (const pid_t pid : Descendants(keeper)) {
      ::kill(pid, SIGKILL);
    }
  }
}

}  // namespace

Status StartSupervisor(const Layout& layout) {
  SayWhenLeft(kStartsBehind);
  const std::string output = layout.UnitOutput("supervisor");
  const uint64_t printed_before = SizeOf(output);
  LocalFleet fleet(layout);
  QUANTUM_TRY(const pid_t keeper, LaunchKeeper(layout));
  bool ended = false;
  Within(kSupervisorStart, [&] {
    ended = ended || ::waitpid(keeper, nullptr, WNOHANG) == keeper;
    return ended || fleet.Running();
  });
  if (fleet.Running()) {
    return {};
  }
  if (!ended) {
    EndKeeper(keeper);
  }
  return Error{Errc::kInternal,
               fmt::format("the supervisor did not start: {}; see {}", TailSince(output, printed_before, 1), output)};
}

Status AwaitReady(const Running& running, const Start& start) {
  SayWhenLeft(kStartsBehind);
  LocalFleet fleet(running.layout, Interrupted);
  const Status started = WatchPatiently(fleet, running);
  if (started.ok()) {
    QUANTUM_TRY(const std::vector<UnitStatus> units, LocalFleet(running.layout).List());
    Summary(running, units);
    return start.foreground ? Foreground(running.layout) : Status();
  }
  if (started.error().code == Errc::kCancelled) {
    return EndEarly(running, start);
  }
  if (!fleet.refusal()) {
    return started.error();
  }
  const LocalFleet::Refusal refusal = *fleet.refusal();
  if (refusal.stopped) {
    // The next `up` shall not meet the supervisor that is leaving.
    Within(kStopperWait, [&] { return !fleet.Running(); });
  }
  return Explain(running, refusal);
}

}  // namespace quantum::operate
