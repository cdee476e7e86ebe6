#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quantum::orders_simulation {

// The situations that a run must have been through to prove anything.
enum class Visit : size_t {
  kEntryAccepted,
  kStopAccepted,
  kRefused,          // by the venue
  kNotSent,          // nothing could leave
  kTooLate,          // a request that arrived after its receive window
  kOrphanRequest,    // one that arrived after execution had given it up, and was accepted
  kOrphanOfTheDead,  // one of a process that had died by then, and was accepted
  kUnknown,
  kAbsenceProven,
  kGone,  // live for us, and the venue proves not to have it
  kPartialFill,
  kFillBeforeAnswer,  // a report with a fill of an order whose answer was still on its way
  kReportRepeated,
  kReportLost,
  kDisconnected,
  kTriggered,
  kCutToPosition,     // a reduce-only order that got less than it asked for, for there was no more
  kExpiredOfNothing,  // one that had nothing to reduce
  kCancelRaced,       // a cancel that came after the order's end
  kVenueCancelled,
  kOppositeEntries,  // an entry of the other side that the venue nets
  kCrashed,
  kCrashedWithUnwritten,
  kCrashedUnsent,     // with an intent that was written and not sent
  kCrashedInFlight,   // with an order on its way
  kEntrySentAgain,    // by a later life, its absence proven
  kSentBeforeRecord,  // protection that did not wait for Postgres
  kAdopted,           // a position that nothing recorded explains
  kOrphanCancelled,   // an order at the venue without a record
  kTermsTaken,        // one that stands with another quantity than was recorded
  kResized,
  kClosedByForce,  // a trade that stayed without a stop
  kStopReplaced,   // a second stop of a trade: the quantity had changed, or the first was not proven
  kPostgresAway,
  kFundingBooked,
  kTradeClosed,
  kTradeWithdrawn,  // its entry never filled
  kCount
};
inline constexpr size_t kVisits = static_cast<size_t>(Visit::kCount);
const char* ToString(Visit visit);

class Visits {
 public:
  void Count(Visit visit) { ++counts_[static_cast<size_t>(visit)]; }
  uint64_t of(Visit visit) const { return counts_[static_cast<size_t>(visit)]; }
  void Add(const Visits& other) {
    for (size_t i = 0; i < kVisits; ++i) {
      counts_[i] += other.counts_[i];
    }
  }

 private:
  std::array<uint64_t, kVisits> counts_{};
};

}  // namespace quantum::orders_simulation
