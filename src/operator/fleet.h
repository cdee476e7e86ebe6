#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// The units of one platform, wherever they run. `operator` is a keyword, so the namespace of this folder is operate.
namespace quantum::operate {

enum class State {
  kStopped,   // not wanted
  kWaiting,   // wanted; a unit it depends on is not ready yet
  kStarting,  // runs, does not serve yet
  kReady,
  kDone,  // a task that has done its work
  kStopping,
  kBackoff,    // exited; will be restarted
  kFailed,     // gave up, or tries once per retry_interval
  kScheduled,  // a task that waits for its time
};
std::string_view ToString(State state);
Result<State> ParseState(std::string_view text);

// What came of a run of a scheduled task.
struct TaskRun {
  WallTime started{};
  WallTime ended{};
  bool ok = false;
  std::string detail;  // why it is not
};

struct UnitStatus {
  std::string name;
  std::string kind;  // server, service, task
  State state = State::kStopped;
  int pid = 0;                       // 0: does not run
  int port = 0;                      // with the offset; 0: none
  WallTime since{};                  // of the state
  int restarts = 0;                  // by the supervisor, since `up`
  std::string detail;                // why, for kFailed, kBackoff and kStopping; what it waits for, for kStarting
  std::string schedule;              // of a scheduled task, as in the manifest; else empty
  std::optional<WallTime> next_run;  // kScheduled
  std::optional<TaskRun> last_run;   // scheduled tasks: the newest that has ended
};

// Start, stop and state of units. Backends: the local supervisor; each call blocks until the effect is reached.
class Fleet {
 public:
  virtual ~Fleet() = default;
  virtual Result<std::vector<UnitStatus>> List() = 0;
  virtual Status Start(const std::string& unit) = 0;    // until ready
  virtual Status Stop(const std::string& unit) = 0;     // until it is gone; it stays down until Start
  virtual Status Restart(const std::string& unit) = 0;  // until ready again
  virtual Status StopAll() = 0;                         // in reverse order of dependence
};

}  // namespace quantum::operate
