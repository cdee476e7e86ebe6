#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/chaos/apart.h"
#include "operator/chaos/postgres/postgres_report.h"

namespace quantum::operate::chaos {

struct PostgresRunOptions {
  int rounds = 16;
  uint64_t seed = 1;
  int per_second = 300;             // operations, of all clients together
  std::vector<std::string> faults;  // only these; empty: all
  bool control = false;             // the negative control: one round that must lose
  std::string folder;               // temporary, made by the caller, who removes it
  std::string manifest;             // the checkout's quantum.yml
  std::string program;              // quantum itself
};

// Brings up Postgres as the platform has it, breaks it round by round under load, prints a line a round, and judges.
// Blocks. Errors: the run could not begin; what went wrong later stands in the report.
Result<PostgresReport> RunPostgresChaos(const PostgresRunOptions& options, const Apart& apart);

}  // namespace quantum::operate::chaos
