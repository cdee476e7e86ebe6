#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "operator/chaos/postgres/books.h"
#include "platform/base/clock.h"

namespace quantum::operate::chaos {

// What clients saw, in numbers.
struct Seen {
  uint64_t acknowledged = 0;
  uint64_t refused = 0;   // for certain without effect
  uint64_t unknown = 0;   // no answer, and not settled by a repeat
  uint64_t repeated = 0;  // acknowledged after an attempt without answer
  uint64_t found = 0;     // of those: the attempt without answer had been committed
};

// What is wrong. Zeros in a good run.
struct Violations {
  uint64_t lost = 0;           // acknowledged, and not in the books
  uint64_t doubled = 0;        // effects beyond the rows: trades counted, accounts that do not equal their transfers
  uint64_t missing_money = 0;  // by how much the sum of all accounts is off, either way
  uint64_t invented = 0;       // in the books, though nobody did it, or with other contents
  uint64_t contradicted = 0;   // in the books, though refused for certain
  uint64_t deposed = 0;        // begun after a later primary had acknowledged, and acknowledged by an earlier one

  uint64_t total() const { return lost + doubled + missing_money + invented + contradicted + deposed; }
};

// The history of a run, and the judgement of the books by it. No I/O; for one thread.
class LedgerChecker {
 public:
  // An operation's first attempt; a repeat is none.
  void Begin(const Operation& operation, SteadyTime at);
  // Each operation ends at most once; one that never does counts as unknown.
  void Acknowledge(int64_t key, const Receipt& receipt, bool was_unknown, SteadyTime at);
  void Refuse(int64_t key);

  // Of the whole run up to now. Violations of one operation are counted in each judgement anew.
  Violations Judge(const Books& books);
  const Seen& seen() const { return seen_; }
  uint64_t in_flight() const { return seen_.unknown; }  // while clients work: begun, and not ended
  // The last judgement's first violations in words, at most ten.
  const std::vector<std::string>& examples() const { return examples_; }

 private:
  enum class Outcome : uint8_t { kNone, kAcknowledged, kRefused };
  struct Past {
    Operation operation;
    SteadyTime begun{};
    Outcome outcome = Outcome::kNone;
    bool stored = false;  // in the judgement under way
  };
  Past* Stored(int64_t key, Violations& violations);
  void JudgeSums(const Books& books, Violations& violations);
  void Note(std::string what);

  std::unordered_map<int64_t, Past> past_;
  std::unordered_map<uint32_t, SteadyTime> first_acknowledged_;  // by timeline
  Seen seen_;
  uint64_t deposed_ = 0;
  std::vector<std::string> deposed_notes_;
  std::vector<std::string> examples_;
};

}  // namespace quantum::operate::chaos
