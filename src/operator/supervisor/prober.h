#pragma once

#include <string>

#include "operator/process/process.h"
#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// Asks a unit once, within probe.timeout. For fibers. `exec` is the process of an exec probe, `password` that of a
// Redis probe with a secret. A refusal over HTTP carries the `detail` of its problem: what the unit waits for.
struct Question {
  const config::Probe& probe;
  std::string host;
  int port = 0;
  ProcessSpec exec;
  std::string password;
};
Status RunProbe(const Question& question);

// Suspends the fiber until the process behind the descriptor has ended. False: the time passed first (zero: no limit).
bool WaitForExit(int pidfd, Duration timeout);

}  // namespace quantum::operate
