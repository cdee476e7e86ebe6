#pragma once

#include <string>

#include "operator/process/process.h"
#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// Asks a unit once, within probe.timeout. For fibers. Http: GET must be answered 2xx. Exec: `exec` must exit 0.
Status RunProbe(const config::Probe& probe, const std::string& host, int port, const ProcessSpec& exec);

// Suspends the fiber until the process behind the descriptor has ended. False: the time passed first (zero: no limit).
bool WaitForExit(int pidfd, Duration timeout);

}  // namespace quantum::operate
