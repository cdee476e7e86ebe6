#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/chaos/report.h"

namespace quantum::operate::chaos {

struct RunOptions {
  int rounds = 10;
  uint64_t seed = 1;
  int per_second = 1000;            // events, of all producers together
  std::vector<std::string> faults;  // only these; empty: all
  bool control = false;             // the negative control: one round without journal and WAIT, which must lose
  std::string folder;               // temporary, made by the caller, who removes it
  std::string infra;                // the checkout's infra/
  std::string program;              // quantum itself
  std::string archive;              // where the whole history goes, gzip; empty: nowhere
};

// Brings up a cluster and workers, breaks them round by round, prints a line a round, and judges. Blocks. Moves the
// process into namespaces of its own where it may: for a process that does nothing else. Errors: the run could not
// begin; what went wrong later stands in the report.
Result<Report> RunChaos(const RunOptions& options);

}  // namespace quantum::operate::chaos
