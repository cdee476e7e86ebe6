#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/chaos/checker.h"
#include "operator/chaos/measure.h"

namespace quantum::operate::chaos {

struct Round {
  int number = 0;
  std::string fault;
  Measured measured;
  uint64_t lost = 0;
  uint64_t doubled = 0;
  uint64_t disordered = 0;  // in a group or a stream
  uint64_t redelivered = 0;
  int64_t converged_ns = 0;  // from the healing until nothing was on its way any more
  std::string trouble;       // why it did not converge; empty: it did

  // As docs/event-bus.md defines it.
  bool Counts() const;
};

struct Report {
  uint64_t seed = 0;
  std::vector<Round> rounds;
  Verdict verdict;
  std::vector<std::string> examples;  // of violations
  std::vector<std::string> left_out;  // faults that this machine does not allow, and why
  std::string trouble;                // why the run ended early; empty: it did not

  // Nothing lost, doubled or out of order, and every round counts.
  bool Good() const;
  // Why a good run would be no proof: a fault struck fewer than kStrikesLeast times, or nothing was ever delivered
  // again. Empty: it would be.
  std::vector<std::string> Doubts() const;
};

constexpr uint64_t kAcknowledgedLeast = 1000;  // operations, for a round to count
constexpr uint64_t kStrikesLeast = 5;          // of each fault in a run, for it to prove something

// What stands below the table and the verdict of any run, a line each.
std::string FormatRemarks(const std::vector<std::string>& examples, const std::vector<std::string>& doubts,
                          const std::vector<std::string>& left_out, const std::string& trouble);

std::string FormatRound(const Round& round);     // a line
std::string FormatReport(const Report& report);  // the table by fault, and the verdict
std::string ToJson(const Report& report);

}  // namespace quantum::operate::chaos
