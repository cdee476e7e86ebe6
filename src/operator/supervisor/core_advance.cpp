#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "operator/supervisor/core.h"

// What is due, and what is so.
namespace quantum::operate {

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

void SupervisorCore::AdvanceShutdown(Entry& entry) {
  if (entry.status.state == State::kStarting && entry.status.pid == 0) {
    return;  // the shell is about to say what became of it
  }
  if (entry.status.pid == 0) {
    if (entry.status.state != State::kStopped && entry.status.state != State::kFailed) {
      Set(entry, State::kStopped);
    }
  } else if (entry.status.state == State::kStopping) {
    entry.after = After::kNothing;
  } else if (!DependentsRun(entry.status.name)) {
    BeginStop(entry, After::kNothing, {});
  }
}

void SupervisorCore::Probe(Entry& entry, bool liveness) {
  entry.probing = true;
  actions_.push_back({.kind = Action::Kind::kProbe, .unit = entry.status.name, .liveness = liveness});
}

void SupervisorCore::AdvanceStarting(Entry& entry, SteadyTime now, bool due) {
  if (entry.status.pid == 0) {
    return;  // the shell has not answered yet
  }
  const bool task = entry.unit.kind == config::Unit::Kind::kTask;
  if (due) {
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(entry.unit.start_deadline).count();
    const std::string why = entry.probe_error.empty() ? "" : fmt::format(" ({})", entry.probe_error);
    if (!task && !EndsStart(entry) && entry.unit.live.kind != config::Probe::Kind::kNone) {
      BecomeLate(entry, fmt::format("alive, but not ready for more than {} s{}", limit, why));
      return;
    }
    const std::string detail = fmt::format("did not {} within {} s{}", task ? "finish" : "become ready", limit, why);
    const bool ends_start = EndsStart(entry);
    BeginStop(entry, After::kCountAsCrash, detail);
    if (ends_start) {
      FailStart(entry, detail);
    }
  } else if (task || entry.probing) {
    return;
  } else if (entry.unit.ready.kind == config::Probe::Kind::kNone) {
    BecameReady(entry);
  } else if (entry.late && entry.next_live_probe && *entry.next_live_probe <= now) {
    Probe(entry, true);
  } else if (entry.next_probe && *entry.next_probe <= now) {
    Probe(entry, false);
  }
}

void SupervisorCore::AdvanceEntry(Entry& entry, SteadyTime now) {
  const bool due = entry.deadline && *entry.deadline <= now;
  if (shutting_down_) {
    AdvanceShutdown(entry);
  }
  switch (entry.status.state) {
    case State::kWaiting:
      if (DependenciesReady(entry) || (due && !starting_up_)) {
        Set(entry, State::kStarting);
        entry.deadline = now + entry.unit.start_deadline;
        entry.next_probe = now + kFirstProbe;
        entry.probe_error.clear();
        entry.run_started = clock_.Now();
        actions_.push_back({.kind = Action::Kind::kSpawn, .unit = entry.status.name});
      }
      break;
    case State::kStarting:
      if (!shutting_down_) {
        AdvanceStarting(entry, now, due);
      }
      break;
    case State::kReady:
      if (!shutting_down_ && entry.unit.live.kind != config::Probe::Kind::kNone && !entry.probing && entry.next_probe &&
          *entry.next_probe <= now) {
        Probe(entry, true);
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
    case State::kScheduled:
      if (!starting_up_ && entry.status.next_run && *entry.status.next_run <= clock_.Now()) {
        Set(entry, State::kWaiting, "by its schedule");
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
      consider(entry.next_live_probe);
    }
    if (entry.status.next_run && !starting_up_) {
      // The wall clock may jump; the shell looks at least once a second.
      consider(clock_.Steady() + (*entry.status.next_run - clock_.Now()));
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

namespace {

bool IsServing(State state) { return state == State::kReady || state == State::kDone || state == State::kScheduled; }

}  // namespace

std::vector<UnitStatus> SupervisorCore::NotReady() const {
  std::vector<UnitStatus> missing = List();
  std::erase_if(missing, [](const UnitStatus& unit) { return IsServing(unit.state); });
  return missing;
}

bool SupervisorCore::all_ready() const {
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    const State state = entry.second.status.state;
    return IsServing(state) || (state == State::kStopped && !entry.second.wanted);
  });
}

bool SupervisorCore::all_stopped() const {
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.status.pid == 0; });
}

}  // namespace quantum::operate
