#pragma once

#include <cstdint>

#include "tests/simulation/step.h"

namespace quantum::orders_simulation {

using simulation::Choices;

// What may happen next. A step that is not possible now does nothing.
enum class Kind : uint8_t {
  kDecide,        // an approved entry is recorded
  kDecideClose,   // an approved close is
  kCarryOut,      // what is recorded is sent
  kWithdraw,      // an entry that rests is cancelled
  kDeliver,       // a request reaches the venue, an answer or a report reaches execution
  kLose,          // a report is lost, and nobody says so
  kRepeat,        // a report comes twice
  kDisconnect,    // the user stream breaks, with everything on it, and comes back
  kGiveUp,        // execution hears no answer in time; the request may still arrive
  kFill,          // the venue fills a part of an order
  kTrigger,       // the market reaches a conditional order's price
  kVenueCancels,  // somebody cancels by hand, or the venue does
  kRefuse,        // the venue refuses the next orders
  kLink,          // nothing can leave, or it can again
  kForgetOffset,  // the venue's clock is not known for a while
  kCommit,        // changes are written
  kPostgres,      // it is away, or back
  kTime,          // some milliseconds
  kLongTime,      // some seconds
  kCrash,         // execution dies, and starts again from what was written
  kFunding,       // the venue settles funding
  kCount
};
inline constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);
const char* ToString(Kind kind);

struct Step {
  Kind kind = Kind::kTime;
  uint32_t choice = 0;  // everything the step has to decide
};
Step Draw(Random& random);

}  // namespace quantum::orders_simulation
