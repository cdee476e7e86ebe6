#pragma once

#include <optional>
#include <string>

#include "services/risk_safety/emergency_stop.h"

// Two sides hold the stop: risk-safety decides and remembers it, execution acts on it. What to do where they differ,
// and which record counts after a restart. Pure.
namespace quantum::risk_safety {

// What execution says of itself: GET /api/execution/halt.
struct ExecutionHalt {
  bool halted = false;
  bool by_operator = false;  // else by the emergency stop
  std::string reason;
  WallTime since{};  // when it was last asked to halt
};

enum class Discord {
  kNone,
  kHaltOwed,     // execution must be told to halt
  kRearmOwed,    // … or that it may go on
  kHaltByHand,   // an operator halted execution itself: adopt it as a trip by hand
  kHaltUnknown,  // execution was halted in our name after our last change (the record of a trip is lost): adopt it
};

// A halt that began before the record is one that the record has left behind: its re-arm is still owed, however long
// either side was away. Only a person lifts what a person halted. Both clocks are one machine's.
Discord Compare(const EssRecord& record, const ExecutionHalt& execution);

// The record as found on disk.
struct KeptRecord {
  enum class State { kAbsent, kDamaged, kGood } state = State::kAbsent;
  EssRecord record;  // kGood
};

struct Restored {
  EssRecord record;
  bool owed = false;  // Postgres does not have it yet
};

// The newer of disk and Postgres. A damaged file says nothing about a trip, so it is one (by hand, until an operator
// resets it) unless Postgres holds a trip already; where versions cannot tell, what blocks entries wins. `stored` is
// null while Postgres is away, and empty when it holds nothing.
Restored ChooseRecord(const KeptRecord& kept, const std::optional<EssRecord>* stored, WallTime now);

}  // namespace quantum::risk_safety
