#pragma once

#include "operator/state/layout.h"

namespace quantum::operate {

// The supervisor itself: a thin shell around SupervisorCore that starts processes, waits for them, probes them and
// answers on run/supervisor.sock. Finds the processes of a predecessor by run/units. Returns when everything was
// stopped (by `down` or SIGTERM): 0; 1 when it could not begin (its message is on standard error).
int RunSupervisor(const Layout& layout);

// Runs the supervisor and brings it back when it dies; ends with it when it ends by itself. Never returns before.
int RunKeeper(const Layout& layout);

// Starts the keeper in a session of its own, from the staged program. It outlives the caller and its terminal.
Status LaunchKeeper(const Layout& layout);

}  // namespace quantum::operate
