#include "operator/supervisor/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace quantum::operate {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<milliseconds, 5> kBackoff = {milliseconds(500), milliseconds(1000), milliseconds(2000),
                                                  milliseconds(4000), milliseconds(8000)};
constexpr seconds kDependencyWaitMax(10);
constexpr milliseconds kFirstProbe(20);
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
  entry.deadline.reset();
  entry.next_probe.reset();
  actions_.push_back({.kind = Action::Kind::kChanged, .unit = entry.status.name});
}

void SupervisorCore::StartAll() {
  starting_up_ = true;
  for (auto& [name, entry] : entries_) {
    entry.wanted = true;
    if (entry.status.state == State::kStopped) {
      Set(entry, State::kWaiting);
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
    default:
      entry.ever_ready = true;
      Set(entry, State::kWaiting);
      break;
  }
}

void SupervisorCore::Spawned(const std::string& name, int pid) {
  Entry& entry = Get(name);
  QUANTUM_ASSERT(entry.status.state == State::kStarting && pid > 0);
  entry.status.pid = pid;
  actions_.push_back({.kind = Action::Kind::kChanged, .unit = name});
}

void SupervisorCore::SpawnFailed(const std::string& name, const std::string& why) { Crashed(Get(name), why); }

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
    entry.ever_ready = true;
    Set(entry, State::kDone);
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
  } else if (liveness && entry.status.state == State::kReady) {
    entry.next_probe = now + entry.unit.live.interval;
    entry.live_failures = ok ? 0 : entry.live_failures + 1;
    if (entry.live_failures >= entry.unit.live.failures_max) {
      BeginStop(entry, After::kCountAsCrash, fmt::format("failed {} liveness checks ({})", entry.live_failures, why));
    }
  }
}

void SupervisorCore::BecameReady(Entry& entry) {
  entry.ever_ready = true;
  entry.live_failures = 0;
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

void SupervisorCore::Crashed(Entry& entry, const std::string& detail) {
  if (starting_up_ && !entry.ever_ready) {
    Set(entry, State::kFailed, detail);
    if (!startup_error_) {
      startup_error_ = fmt::format("{} {}", entry.status.name, detail);
    }
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
  const Duration backoff = kBackoff[std::min(entry.restarts.size(), kBackoff.size() - 1)];
  entry.restarts.push_back(now);
  entry.status.restarts++;
  Set(entry, State::kBackoff, detail);
  entry.deadline = now + std::max<Duration>(backoff, entry.unit.restart_delay);
}

bool SupervisorCore::DependenciesReady(const Entry& entry) const {
  return std::all_of(entry.unit.depends.begin(), entry.unit.depends.end(), [&](const std::string& name) {
    const State state = entries_.at(name).status.state;
    return state == State::kReady || state == State::kDone;
  });
}

// Through tasks as well: PgBouncer depends on the roles, which depend on Postgres.
bool SupervisorCore::DependentsRun(const std::string& name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& other) {
    const std::vector<std::string>& depends = other.second.unit.depends;
    return std::find(depends.begin(), depends.end(), name) != depends.end() &&
           (other.second.status.pid != 0 || DependentsRun(other.first));
  });
}

void SupervisorCore::AdvanceEntry(Entry& entry, SteadyTime now) {
  const bool due = entry.deadline && *entry.deadline <= now;
  if (shutting_down_) {
    if (entry.status.state == State::kStopping) {
      entry.after = After::kNothing;
    } else if (entry.status.pid == 0) {
      if (entry.status.state != State::kStopped && entry.status.state != State::kFailed) {
        Set(entry, State::kStopped);
      }
      return;
    } else if (!DependentsRun(entry.status.name)) {
      BeginStop(entry, After::kNothing, {});
      return;
    } else {
      return;
    }
  }
  switch (entry.status.state) {
    case State::kWaiting:
      if (DependenciesReady(entry) || (due && !starting_up_)) {
        Set(entry, State::kStarting);
        entry.deadline = now + entry.unit.start_deadline;
        entry.next_probe = now + kFirstProbe;
        entry.probe_error.clear();
        actions_.push_back({.kind = Action::Kind::kSpawn, .unit = entry.status.name});
      }
      break;
    case State::kStarting:
      if (entry.status.pid == 0) {
        break;  // the shell has not answered yet
      }
      if (due) {
        const auto limit = std::chrono::duration_cast<seconds>(entry.unit.start_deadline).count();
        const std::string wanted = entry.unit.kind == config::Unit::Kind::kTask ? "finish" : "become ready";
        const std::string why = entry.probe_error.empty() ? "" : fmt::format(" ({})", entry.probe_error);
        const std::string detail = fmt::format("did not {} within {} s{}", wanted, limit, why);
        if (starting_up_ && !entry.ever_ready && !startup_error_) {
          startup_error_ = fmt::format("{} {}", entry.status.name, detail);
        }
        BeginStop(entry, After::kCountAsCrash, detail);
      } else if (entry.unit.kind != config::Unit::Kind::kTask) {
        if (entry.unit.ready.kind == config::Probe::Kind::kNone) {
          BecameReady(entry);
        } else if (!entry.probing && entry.next_probe && *entry.next_probe <= now) {
          entry.probing = true;
          actions_.push_back({.kind = Action::Kind::kProbe, .unit = entry.status.name, .liveness = false});
        }
      }
      break;
    case State::kReady:
      if (entry.unit.live.kind != config::Probe::Kind::kNone && !entry.probing && entry.next_probe &&
          *entry.next_probe <= now) {
        entry.probing = true;
        actions_.push_back({.kind = Action::Kind::kProbe, .unit = entry.status.name, .liveness = true});
      }
      break;
    case State::kStopping:
      if (due && !entry.killed) {
        entry.killed = true;
        entry.deadline.reset();
        actions_.push_back({.kind = Action::Kind::kSignal, .unit = entry.status.name, .signal = SIGKILL});
      }
      break;
    case State::kBackoff:
    case State::kFailed:
      if (due && entry.wanted) {
        const std::string detail = entry.status.detail;
        Set(entry, State::kWaiting, detail);
        entry.deadline = now + kDependencyWaitMax;
      }
      break;
    case State::kStopped:
    case State::kDone:
      break;
  }
}

std::vector<Action> SupervisorCore::Advance() {
  const SteadyTime now = clock_.Steady();
  // Twice, so that what became possible by a change of this round (a dependency without a probe) starts at once.
  for (int round = 0; round < 2; ++round) {
    for (const std::string& name : order_) {
      AdvanceEntry(entries_.at(name), now);
    }
  }
  if (starting_up_ && all_ready()) {
    starting_up_ = false;
  }
  return std::exchange(actions_, {});
}

std::optional<SteadyTime> SupervisorCore::NextDeadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&](const std::optional<SteadyTime>& at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  for (const auto& [name, entry] : entries_) {
    consider(entry.deadline);
    if (!entry.probing) {
      consider(entry.next_probe);
    }
  }
  return next;
}

std::vector<UnitStatus> SupervisorCore::List() const {
  std::vector<UnitStatus> list;
  for (const std::string& name : order_) {
    list.push_back(entries_.at(name).status);
  }
  return list;
}

const UnitStatus& SupervisorCore::Find(const std::string& name) const {
  const auto found = entries_.find(name);
  QUANTUM_ASSERT(found != entries_.end());
  return found->second.status;
}

bool SupervisorCore::all_ready() const {
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    const State state = entry.second.status.state;
    return state == State::kReady || state == State::kDone || (state == State::kStopped && !entry.second.wanted);
  });
}

bool SupervisorCore::all_stopped() const {
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.status.pid == 0; });
}

}  // namespace quantum::operate
