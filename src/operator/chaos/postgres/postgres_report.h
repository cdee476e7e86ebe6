#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/chaos/postgres/ledger_checker.h"

namespace quantum::operate::chaos {

struct PostgresRound {
  int number = 0;
  std::string fault;
  uint64_t acknowledged = 0;
  uint64_t in_flight = 0;                // operations that the fault struck before their outcome
  std::optional<Duration> first_commit;  // from the fault until one begun since was acknowledged
  Duration longest_pause{};              // between two acknowledgements
  Duration converged{};                  // from the healing until there was a primary with a synchronous standby
  Violations found;                      // beyond those of the rounds before
  std::string trouble;                   // why it did not converge; empty: it did

  // It struck while something was under way, enough was acknowledged, and it converged.
  bool Counts() const;
};

struct PostgresReport {
  uint64_t seed = 0;
  std::vector<PostgresRound> rounds;
  Seen seen;
  Violations found;
  std::vector<std::string> examples;
  std::vector<std::string> left_out;  // faults that this machine does not allow, and why
  std::string trouble;                // why the run ended early; empty: it did not

  bool Good() const;  // nothing violated, and every round counts
  // Why a good run would be no proof. Empty: it would be.
  std::vector<std::string> Doubts() const;
};

std::string FormatRound(const PostgresRound& round);     // a line
std::string FormatReport(const PostgresReport& report);  // the table by fault, and the verdict
std::string ToJson(const PostgresReport& report);

}  // namespace quantum::operate::chaos
