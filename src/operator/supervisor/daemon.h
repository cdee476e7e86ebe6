#pragma once

#include <sys/types.h>

#include "operator/state/layout.h"
#include "platform/base/result.h"

namespace quantum::operate {

// How a supervisor ends by itself.
inline constexpr int kAllStopped = 0;       // by `down`, a signal, or because the start failed
inline constexpr int kCannotBegin = 1;      // its message is on standard error
inline constexpr int kOtherSupervisor = 3;  // another one holds the lock

// The supervisor itself: a thin shell around SupervisorCore that starts processes, waits for them, probes them and
// answers on run/supervisor.sock. Finds the processes of a predecessor by run/units; when none of them lives (the
// machine was switched off), everything is started from the beginning. `stop`: only to stop what it finds.
int RunSupervisor(const Layout& layout, bool stop = false);

// Runs the supervisor and brings it back when it dies; ends when everything is stopped, or when the supervisor cannot
// begin and nothing is left to watch over. `watched`: first looks after that supervisor, whose keeper has died.
int RunKeeper(const Layout& layout, pid_t watched = 0);

// Start the keeper, or a supervisor that only stops what is left, in a session of its own from the staged program: it
// outlives the caller and its terminal.
Result<pid_t> LaunchKeeper(const Layout& layout, pid_t watched = 0);
Result<pid_t> LaunchStopper(const Layout& layout);

}  // namespace quantum::operate
