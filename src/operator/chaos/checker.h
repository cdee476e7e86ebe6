#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "operator/chaos/record.h"

namespace quantum::operate::chaos {

// What a history amounts to. Violations are zero in a good one.
struct Verdict {
  uint64_t acknowledged = 0;   // operations whose publish returned success
  uint64_t failed = 0;         // refused
  uint64_t indeterminate = 0;  // neither: killed or timed out in between
  uint64_t delivered = 0;      // over all groups, repeats included
  uint64_t redelivered = 0;    // given to the same group again; no violation: delivery is at least once
  uint64_t stored_twice = 0;   // seen in the stream again; no violation by itself: groups drop repeats
  // Violations
  uint64_t lost = 0;          // pairs of acknowledged operation and group that did not apply it
  uint64_t doubled = 0;       // effects beyond the first, over all groups
  uint64_t disordered = 0;    // first effects of a group out of a producer's order within one stream and key
  uint64_t misplaced = 0;     // first places in a stream out of a producer's order
  uint64_t invented = 0;      // operations that took effect or stand in a stream though nobody published them
  uint64_t contradicted = 0;  // operations that took effect or stand in a stream though publish had refused them

  bool good() const { return lost + doubled + disordered + misplaced + invented + contradicted == 0; }
};

// Judges a history record by record. Records of one group, of one producer, and of one stream's contents must come in
// their own order; how these are mixed does not matter. Memory: some ten bytes an operation. No I/O; for one thread.
class Checker {
 public:
  // groups: every one must apply every acknowledged operation.
  explicit Checker(std::vector<std::string> groups);

  void Add(const Record& record);  // an unknown group is an assertion

  const Verdict& verdict() const { return verdict_; }
  uint64_t unresolved() const { return unresolved_; }  // started, and no outcome yet
  // The first violations in words, at most `limit`.
  std::vector<std::string> Examples(size_t limit) const;

 private:
  enum class Outcome : uint8_t { kNone, kStarted, kOk, kFailed, kUnknown };
  struct Operation {
    Outcome outcome = Outcome::kNone;
    bool stored = false;
    std::vector<bool> delivered;  // by group
    std::vector<bool> applied;
    bool Seen() const;  // it took effect, or stands in a stream
  };
  using Line = std::tuple<std::string, std::string, std::string>;  // what must keep its order

  Operation& Find(const Record& record);
  void Resolve(const Record& record, Operation& operation, Outcome outcome);
  void Apply(const Record& record, Operation& operation);
  void Store(const Record& record, Operation& operation);
  void Note(const Record& record, const char* what);
  size_t IndexOf(const std::string& group) const;

  const std::vector<std::string> groups_;
  std::map<std::string, std::vector<Operation>, std::less<>> operations_;  // by producer, operation - 1
  std::map<Line, uint64_t> last_applied_;                                  // by group and producer, stream, key
  std::map<Line, uint64_t> last_stored_;                                   // by producer and stream
  Verdict verdict_;
  uint64_t unresolved_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace quantum::operate::chaos
