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

// The decisions of the supervisor without any I/O: what starts next, when to restart, when to give up. Reports go in,
// Advance() gives what is due; nothing happens by itself. Rules:
// - a unit starts when all it depends on is ready (tasks: done). A restart waits for them 10 s at most, since a
//   dependency that is away must not hold the fleet down;
// - only an exit, three failed liveness checks or a start that takes too long restart a unit, with back-off (0.5 s
//   doubling to 8 s, at least restart_delay). Beyond restarts_max within restart_window it has failed, and is tried
//   once per retry_interval where the manifest gives one;
// - until everything has been ready once, the first failure ends the start: startup_error();
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

  void Spawned(const std::string& name, int pid);
  void SpawnFailed(const std::string& name, const std::string& why);
  // exit_code: of the process, 128 + signal when killed, -1 when it is not known (an adopted process).
  void Exited(const std::string& name, int exit_code);
  void Probed(const std::string& name, bool liveness, bool ok, const std::string& why);

  std::vector<Action> Advance();
  // When Advance has something to do again without a report; nothing: never.
  std::optional<SteadyTime> NextDeadline() const;

  std::vector<UnitStatus> List() const;
  const UnitStatus& Find(const std::string& name) const;  // an unknown name is an assertion
  bool Has(const std::string& name) const { return entries_.contains(name); }
  bool all_ready() const;
  bool all_stopped() const;
  bool starting_up() const { return starting_up_; }
  bool shutting_down() const { return shutting_down_; }
  const std::optional<std::string>& startup_error() const { return startup_error_; }

 private:
  enum class After { kNothing, kStart, kCountAsCrash };  // what follows when a stopping process is gone
  struct Entry {
    config::Unit unit;
    UnitStatus status;
    bool wanted = false;
    bool ever_ready = false;
    bool killed = false;
    bool probing = false;
    After after = After::kNothing;
    int live_failures = 0;
    std::string probe_error;
    std::deque<SteadyTime> restarts;  // within restart_window
    std::optional<SteadyTime> deadline;
    std::optional<SteadyTime> next_probe;
  };

  Entry& Get(const std::string& name);
  Result<Entry*> Known(const std::string& name);
  void Set(Entry& entry, State state, std::string detail = {});
  void BeginStop(Entry& entry, After after, const std::string& detail);
  void Crashed(Entry& entry, const std::string& detail);
  void BecameReady(Entry& entry);
  bool DependenciesReady(const Entry& entry) const;
  bool DependentsRun(const std::string& name) const;
  void AdvanceEntry(Entry& entry, SteadyTime now);

  const Clock& clock_;
  std::vector<std::string> order_;
  std::map<std::string, Entry> entries_;
  std::vector<Action> actions_;
  bool starting_up_ = false;
  bool shutting_down_ = false;
  std::optional<std::string> startup_error_;
};

}  // namespace quantum::operate
