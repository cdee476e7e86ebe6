#pragma once

#include <optional>
#include <string>

#include "bench/restart/full_desk.h"

namespace quantum::bench {

enum class Blow {
  kBothKilled,    // execution and its standby, SIGKILL
  kHolderKilled,  // the one that trades
  kRestart,       // `quantum restart` of the one that trades
};

// One blow, and when what was over again, in ms since the blow.
struct Interruption {
  double trading = 0;  // the exchange took the order of an entry that was approved right after the blow
  double ready = 0;    // /health of a process says READY

  // By the log of the process that trades then; absent where it did not come to pass after the blow.
  std::optional<double> started;     // the process itself
  std::optional<double> leased;      // it holds the account's lease
  std::optional<double> loaded;      // it has read what was recorded
  std::optional<double> reconciled;  // and has compared it with the exchange
  std::optional<double> reading;     // it reads the approvals
  std::string holder;                // its unit
};

// Strikes when both processes stand, and returns when both sides agree on everything again. An error also when the
// comparison had anything to repair.
Result<Interruption> Interrupt(fiber::Loop& loop, const operate::Running& running, FullDesk& desk, Blow blow);

}  // namespace quantum::bench
