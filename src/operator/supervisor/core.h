#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/fleet.h"
#include "platform/base/clock.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// What the shell shall do now.
struct Action {
  enum class Kind {
    kSpawn,    // start the unit's command, then report Spawned or SpawnFailed
    kSignal,   // send `signal` to the process (SIGKILL: to its whole process group)
    kProbe,    // ask for readiness or liveness, then report Probed
    kChanged,  // the unit's status is new: record it, tell who watches
  } kind;
  std::string unit;
  int signal = 0;
  bool liveness = false;
};

// What a supervisor that died wrote down about a unit whose process may still live.
struct Adopted {
  State state = State::kStopped;
  int pid = 0;  // 0: no longer runs
  WallTime since{};
  int restarts = 0;
  std::string detail;
};

// Why the start came to its end.
struct StartupFailure {
  std::string unit;
  std::string what;  // "exited with code 3": the sentence's end, after the unit's name
};

// The decisions of the supervisor without any I/O: what starts next, when to restart, when to give up. Reports go in,
// Advance() gives what is due; nothing happens by itself. Rules:
// - a unit starts when all it depends on is ready (tasks: done). A restart waits for them 10 s at most, since a
//   dependency that is away must not hold the fleet down;
// - only an exit, three failed liveness checks or a start that takes too long restart a unit, with back-off (0.5 s
//   doubling to restart_delay_max, at least restart_delay). Beyond restarts_max within restart_window it has failed,
//   and is tried once per retry_interval where the manifest gives one;
// - once a unit has been ready, or the platform has, a start takes too long only when the unit does not answer liveness
//   either: who waits for a dependency that is away is left alone;
// - until everything has been ready once, the first failure ends the start (startup_failure()) and stops everything;
// - a scheduled task is no part of the start. It runs when its time has come, and a run that fails waits for the next;
// - a stop is stop_signal, stop_deadline, SIGKILL; StopAll stops a unit when nothing that depends on it runs any more.
// Not thread-safe.
class SupervisorCore {
 public:
  SupervisorCore(std::vector<config::Unit> units, const Clock& clock);

  void StartAll();
  void StopAll();
  Status Start(const std::string& name);
  Status Stop(const std::string& name);
  Status Restart(const std::string& name);
  // Before anything else: continue with what an earlier supervisor left.
  void Adopt(const std::string& name, const Adopted& record);
  // Before anything else: the last run of a scheduled task, from an earlier life.
  void SetLastRun(const std::string& name, const TaskRun& run);

  void Spawned(const std::string& name, int pid);
  // its_fault: false when the machine refused (a full disk): tried again without counting towards restarts_max.
  void SpawnFailed(const std::string& name, const std::string& why, bool its_fault = true);
  // exit_code: of the process, 128 + signal when killed, -1 when it is not known (an adopted process).
  void Exited(const std::string& name, int exit_code);
  void Probed(const std::string& name, bool liveness, bool ok, const std::string& why);

  std::vector<Action> Advance();
  // When Advance has something to do again without a report; nothing: never.
  std::optional<SteadyTime> NextDeadline() const;

  std::vector<UnitStatus> List() const;
  const UnitStatus& Find(const std::string& name) const;  // an unknown name is an assertion
  // Beyond its start deadline, alive, and not ready: it waits for something.
  bool IsLate(const std::string& name) const { return entries_.at(name).late; }
  bool Has(const std::string& name) const { return entries_.contains(name); }
  bool all_ready() const;
  bool all_stopped() const;
  bool starting_up() const { return starting_up_; }
  bool shutting_down() const { return shutting_down_; }
  const std::optional<StartupFailure>& startup_failure() const { return startup_failure_; }
  // Every unit that is neither ready nor done nor waiting for its schedule, in the order of the manifest.
  std::vector<UnitStatus> NotReady() const;

 private:
  // A unit that (re)starts waits for what it depends on this long at most.
  static constexpr std::chrono::seconds kDependencyWaitMax{10};
  static constexpr std::chrono::milliseconds kFirstProbe{20};

  enum class After { kNothing, kStart, kCountAsCrash };  // what follows when a stopping process is gone
  struct Entry {
    config::Unit unit;
    UnitStatus status;
    bool wanted = false;
    bool ever_ready = false;
    bool killed = false;
    bool probing = false;
    bool late = false;  // beyond its start deadline, but alive
    After after = After::kNothing;
    int live_failures = 0;
    std::string probe_error;
    std::deque<SteadyTime> restarts;  // within restart_window
    std::optional<SteadyTime> deadline;
    std::optional<SteadyTime> next_probe;
    std::optional<SteadyTime> next_live_probe;  // while it starts late
    WallTime run_started{};                     // of a scheduled task
    bool scheduled() const { return unit.schedule.set(); }
  };

  Entry& Get(const std::string& name);
  Result<Entry*> Known(const std::string& name);
  void Set(Entry& entry, State state, std::string detail = {});
  void BeginStop(Entry& entry, After after, const std::string& detail);
  void Crashed(Entry& entry, const std::string& detail);
  void BecameReady(Entry& entry);
  void FailStart(Entry& entry, const std::string& what);
  void EndRun(Entry& entry, bool ok, const std::string& detail);  // of a scheduled task
  void AwaitSchedule(Entry& entry, const std::string& detail);
  void BecomeLate(Entry& entry, const std::string& waits_for);
  void CountLiveness(Entry& entry, bool ok, const std::string& why);
  // Whether its failure ends the start of the platform.
  bool EndsStart(const Entry& entry) const { return starting_up_ && !entry.ever_ready && !entry.scheduled(); }
  bool DependenciesReady(const Entry& entry) const;
  bool DependentsRun(const std::string& name) const;
  void AdvanceEntry(Entry& entry, SteadyTime now);
  void AdvanceShutdown(Entry& entry);
  void AdvanceStarting(Entry& entry, SteadyTime now, bool due);
  void Probe(Entry& entry, bool liveness);

  const Clock& clock_;
  std::vector<std::string> order_;
  std::map<std::string, Entry> entries_;
  std::vector<Action> actions_;
  bool starting_up_ = false;
  bool shutting_down_ = false;
  std::optional<StartupFailure> startup_failure_;
};

}  // namespace quantum::operate
