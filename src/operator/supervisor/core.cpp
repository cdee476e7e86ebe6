#include "operator/supervisor/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "operator/supervisor/schedule.h"
#include "platform/base/exit_code.h"

namespace quantum::operate {

namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, 5> kBackoff = {milliseconds(500), milliseconds(1000), milliseconds(2000),
                                                  milliseconds(4000), milliseconds(8000)};
// Between attempts at readiness while a unit starts; the interval of the manifest applies when it is shorter.
constexpr milliseconds kReadyIntervalMax(500);

std::string_view KindName(config::Unit::Kind kind) {
  switch (kind) {
    case config::Unit::Kind::kServer:
      return "server";
    case config::Unit::Kind::kService:
      return "service";
    case config::Unit::Kind::kTask:
      return "task";
  }
  return "unit";
}

std::string ExitText(int code) {
  if (code < 0) {
    return "exited";
  }
  return code > 128 ? fmt::format("was killed by signal {}", code - 128) : fmt::format("exited with code {}", code);
}

}  // namespace

SupervisorCore::SupervisorCore(std::vector<config::Unit> units, const Clock& clock) : clock_(clock) {
  for (config::Unit& unit : units) {
    Entry entry;
    entry.status.name = unit.name;
    entry.status.kind = KindName(unit.kind);
    entry.status.port = unit.port;
    entry.status.schedule = unit.schedule.text;
    entry.status.since = clock.Now();
    entry.unit = std::move(unit);
    order_.push_back(entry.status.name);
    const bool inserted = entries_.emplace(entry.status.name, std::move(entry)).second;
    QUANTUM_ASSERT(inserted);
  }
  for (const auto& [name, entry] : entries_) {
    for (const std::string& dependency : entry.unit.depends) {
      QUANTUM_ASSERT(entries_.contains(dependency));
    }
  }
}

SupervisorCore::Entry& SupervisorCore::Get(const std::string& name) {
  const auto found = entries_.find(name);
  QUANTUM_ASSERT(found != entries_.end());
  return found->second;
}

Result<SupervisorCore::Entry*> SupervisorCore::Known(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return Error{Errc::kNotFound,
                 fmt::format("there is no unit '{}'; the units are {}", name, fmt::join(order_, ", "))};
  }
  if (shutting_down_) {
    return Error{Errc::kConflict, "the platform is being stopped"};
  }
  return &found->second;
}

void SupervisorCore::Set(Entry& entry, State state, std::string detail) {
  entry.status.state = state;
  entry.status.since = clock_.Now();
  entry.status.detail = std::move(detail);
  entry.status.next_run.reset();
  entry.deadline.reset();
  entry.next_probe.reset();
  entry.next_live_probe.reset();
  entry.late = false;
  entry.live_failures = 0;
  actions_.push_back({.kind = Action::Kind::kChanged, .unit = entry.status.name});
}

void SupervisorCore::StartAll() {
  starting_up_ = true;
  for (auto& [name, entry] : entries_) {
    entry.wanted = true;
    const State state = entry.status.state;
    if (state == State::kStopped || state == State::kFailed) {
      if (entry.scheduled()) {
        AwaitSchedule(entry, {});
      } else {
        Set(entry, State::kWaiting);
      }
    }
  }
}

void SupervisorCore::StopAll() {
  shutting_down_ = true;
  starting_up_ = false;
  for (auto& [name, entry] : entries_) {
    entry.wanted = false;
  }
}

Status SupervisorCore::Start(const std::string& name) {
  QUANTUM_TRY(Entry * entry, Known(name));
  entry->wanted = true;
  switch (entry->status.state) {
    case State::kStopped:
    case State::kFailed:
    case State::kBackoff:
    case State::kDone:
    case State::kScheduled:
      entry->restarts.clear();
      Set(*entry, State::kWaiting);
      entry->deadline = clock_.Steady() + kDependencyWaitMax;
      break;
    case State::kStopping:
      entry->after = After::kStart;
      break;
    default:
      break;
  }
  return {};
}

Status SupervisorCore::Stop(const std::string& name) {
  QUANTUM_TRY(Entry * entry, Known(name));
  entry->wanted = false;
  if (entry->status.state == State::kStopping) {
    entry->after = After::kNothing;
  } else if (entry->status.pid != 0) {
    BeginStop(*entry, After::kNothing, "by the operator");
  } else {
    Set(*entry, State::kStopped, "by the operator");
  }
  return {};
}

Status SupervisorCore::Restart(const std::string& name) {
  QUANTUM_TRY(Entry * entry, Known(name));
  entry->wanted = true;
  entry->restarts.clear();
  if (entry->status.pid == 0) {
    return Start(name);
  }
  if (entry->status.state == State::kStopping) {
    entry->after = After::kStart;
  } else {
    BeginStop(*entry, After::kStart, "restart by the operator");
  }
  return {};
}

void SupervisorCore::Adopt(const std::string& name, const Adopted& record) {
  Entry& entry = Get(name);
  entry.status.restarts = record.restarts;
  entry.wanted = record.state != State::kStopped;
  if (record.pid != 0) {
    entry.status.pid = record.pid;
    const bool ready = record.state == State::kReady;
    Set(entry, ready ? State::kReady : State::kStarting, "found again");
    entry.status.since = record.since;
    entry.ever_ready = ready;
    entry.run_started = record.since;
    if (!ready) {
      entry.deadline = clock_.Steady() + entry.unit.start_deadline;
    }
    entry.next_probe = clock_.Steady() + kFirstProbe;
    return;
  }
  switch (record.state) {
    case State::kStopped:
    case State::kDone:
      Set(entry, record.state, record.detail);
      entry.status.since = record.since;
      break;
    case State::kReady:
    case State::kStarting:
    case State::kStopping:
      entry.ever_ready = true;
      Crashed(entry, "was gone when the supervisor came back");
      break;
    case State::kFailed:
      entry.ever_ready = true;
      Set(entry, State::kFailed, record.detail);
      if (entry.unit.retry_interval > Duration::zero()) {
        entry.deadline = clock_.Steady() + entry.unit.retry_interval;
      }
      break;
    case State::kScheduled:
      AwaitSchedule(entry, record.detail);
      break;
    case State::kWaiting:
    case State::kBackoff:
      entry.ever_ready = true;
      Set(entry, State::kWaiting, record.detail);
      entry.deadline = clock_.Steady() + kDependencyWaitMax;
      break;
  }
}

void SupervisorCore::SetLastRun(const std::string& name, const TaskRun& run) { Get(name).status.last_run = run; }

void SupervisorCore::Spawned(const std::string& name, int pid) {
  Entry& entry = Get(name);
  QUANTUM_ASSERT(entry.status.state == State::kStarting && pid > 0);
  entry.status.pid = pid;
  actions_.push_back({.kind = Action::Kind::kChanged, .unit = name});
}

void SupervisorCore::SpawnFailed(const std::string& name, const std::string& why, bool its_fault) {
  Entry& entry = Get(name);
  if (its_fault || entry.scheduled() || EndsStart(entry)) {
    Crashed(entry, why);
    return;
  }
  Set(entry, State::kBackoff, why);
  entry.deadline = clock_.Steady() + std::max<Duration>(kBackoff.back(), entry.unit.restart_delay);
}

void SupervisorCore::Exited(const std::string& name, int exit_code) {
  Entry& entry = Get(name);
  entry.status.pid = 0;
  entry.probing = false;
  if (entry.status.state == State::kStopping) {
    const std::string detail = entry.status.detail;
    if (entry.after == After::kCountAsCrash && entry.wanted) {
      Crashed(entry, detail);
    } else if (entry.after == After::kStart && entry.wanted) {
      Set(entry, State::kWaiting);
      entry.deadline = clock_.Steady() + kDependencyWaitMax;
    } else {
      Set(entry, State::kStopped, detail);
    }
    return;
  }
  if (!entry.wanted) {
    Set(entry, State::kStopped, ExitText(exit_code));
    return;
  }
  if (entry.unit.kind == config::Unit::Kind::kTask && exit_code == 0) {
    if (entry.scheduled()) {
      EndRun(entry, true, {});
      return;
    }
    entry.ever_ready = true;
    Set(entry, State::kDone);
    return;
  }
  if (entry.unit.kind == config::Unit::Kind::kTask && exit_code < 0 && !entry.scheduled()) {
    // An adopted task whose result nobody knows. Tasks run on every start, so once more does no harm.
    Set(entry, State::kWaiting, "its result is not known");
    entry.deadline = clock_.Steady() + kDependencyWaitMax;
    return;
  }
  if (entry.unit.kind == config::Unit::Kind::kService && exit_code == kExitTakenOver && !EndsStart(entry)) {
    Set(entry, State::kFailed,
        fmt::format("another process has taken over under its name: end that one, then "
                    "./quantum start {}",
                    name));
    return;
  }
  Crashed(entry, ExitText(exit_code));
}

void SupervisorCore::Probed(const std::string& name, bool liveness, bool ok, const std::string& why) {
  Entry& entry = Get(name);
  entry.probing = false;
  const SteadyTime now = clock_.Steady();
  if (!liveness && entry.status.state == State::kStarting) {
    if (ok) {
      BecameReady(entry);
    } else {
      entry.probe_error = why;
      entry.next_probe = now + std::min<Duration>(entry.unit.ready.interval, kReadyIntervalMax);
    }
  } else if (liveness && entry.status.state == State::kStarting) {
    entry.next_live_probe = now + entry.unit.live.interval;
    CountLiveness(entry, ok, why);
  } else if (liveness && entry.status.state == State::kReady) {
    entry.next_probe = now + entry.unit.live.interval;
    CountLiveness(entry, ok, why);
  }
}

void SupervisorCore::CountLiveness(Entry& entry, bool ok, const std::string& why) {
  entry.live_failures = ok ? 0 : entry.live_failures + 1;
  if (entry.live_failures >= entry.unit.live.failures_max) {
    BeginStop(entry, After::kCountAsCrash, fmt::format("failed {} liveness checks ({})", entry.live_failures, why));
  }
}

void SupervisorCore::BecomeLate(Entry& entry, const std::string& waits_for) {
  entry.late = true;
  entry.deadline.reset();
  entry.live_failures = 0;
  entry.next_live_probe = clock_.Steady();
  entry.status.detail = waits_for;
  actions_.push_back({.kind = Action::Kind::kChanged, .unit = entry.status.name});
}

void SupervisorCore::BecameReady(Entry& entry) {
  entry.ever_ready = true;
  Set(entry, State::kReady);
  if (entry.unit.live.kind != config::Probe::Kind::kNone) {
    entry.next_probe = clock_.Steady() + entry.unit.live.interval;
  }
}

void SupervisorCore::BeginStop(Entry& entry, After after, const std::string& detail) {
  QUANTUM_ASSERT(entry.status.pid > 0);
  entry.after = after;
  entry.killed = false;
  entry.probing = false;
  Set(entry, State::kStopping, detail);
  entry.deadline = clock_.Steady() + entry.unit.stop_deadline;
  actions_.push_back({.kind = Action::Kind::kSignal, .unit = entry.status.name, .signal = entry.unit.stop_signal});
}

void SupervisorCore::FailStart(Entry& entry, const std::string& what) {
  if (!startup_failure_) {
    startup_failure_ = StartupFailure{.unit = entry.status.name, .what = what};
  }
  StopAll();
}

void SupervisorCore::AwaitSchedule(Entry& entry, const std::string& detail) {
  Set(entry, State::kScheduled, detail);
  std::optional<WallTime> last;
  if (entry.status.last_run) {
    last = entry.status.last_run->started;
  }
  entry.status.next_run = NextRun(entry.unit.schedule, clock_.Now(), last);
}

void SupervisorCore::EndRun(Entry& entry, bool ok, const std::string& detail) {
  entry.status.last_run = TaskRun{.started = entry.run_started, .ended = clock_.Now(), .ok = ok, .detail = detail};
  AwaitSchedule(entry, ok ? "" : "the last run failed: " + detail);
}

void SupervisorCore::Crashed(Entry& entry, const std::string& detail) {
  if (entry.scheduled()) {
    EndRun(entry, false, detail);
    return;
  }
  if (EndsStart(entry)) {
    Set(entry, State::kFailed, detail);
    FailStart(entry, detail);
    return;
  }
  const SteadyTime now = clock_.Steady();
  std::erase_if(entry.restarts, [&](SteadyTime at) { return at + entry.unit.restart_window <= now; });
  if (static_cast<int>(entry.restarts.size()) >= entry.unit.restarts_max) {
    const bool retries = entry.unit.retry_interval > Duration::zero();
    Set(entry, State::kFailed,
        fmt::format("{}; {} restarts within {} min, {}", detail, entry.restarts.size(),
                    std::chrono::duration_cast<std::chrono::minutes>(entry.unit.restart_window).count(),
                    retries ? "now tried once a minute" : "given up"));
    if (retries) {
      entry.deadline = now + entry.unit.retry_interval;
    }
    return;
  }
  const Duration backoff =
      std::min<Duration>(kBackoff[std::min(entry.restarts.size(), kBackoff.size() - 1)], entry.unit.restart_delay_max);
  entry.restarts.push_back(now);
  entry.status.restarts++;
  Set(entry, State::kBackoff, detail);
  entry.deadline = now + std::max<Duration>(backoff, entry.unit.restart_delay);
}

}  // namespace quantum::operate
