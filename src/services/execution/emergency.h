#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/execution/sender.h"

namespace quantum::execution {

// The emergency stop's hand: refuses entries from the first moment, cancels those that are open, closes positions when
// asked. Needs the venue and the disk; neither Postgres nor the bus nor risk-safety. Records follow when they are back.
class Emergency {
 public:
  Emergency(Desk& desk, Sender& sender) : desk_(desk), sender_(sender) {}

  struct Report {
    int cancelled = 0;  // entries that the venue has cancelled; what filled or ended by itself is not counted
    int closed = 0;     // closing orders that the venue has taken
    std::vector<std::string> problems;  // what is not done, by order or symbol; while halted it is tried every second
  };
  // The flag first, then the deeds. Asking again does no harm. `by`: trading::kHaltedByOperator or
  // trading::kHaltedByEss. `since`: when it was decided, if that was before now.
  Report Halt(const std::string& reason, bool close, std::string_view by, std::optional<WallTime> since = {});
  // kConflict: "ess" may not lift the operator's halt, nor anybody a halt that was asked for after `until`.
  Status Rearm(const std::string& reason, std::string_view by, std::optional<WallTime> until = {});

  // Cancels open entries (never protection), of one symbol or all; takes at most kActWithin. Until the ledger is
  // restored: what the venue lists as open under our names, not reduce-only.
  Report CancelEntries(const std::string& symbol = {});
  Report ClosePositions();

  // While halted: whatever is still open is dealt with again. Called every second; also notices a flag that was put on
  // the disk by hand.
  void Enforce();

  static constexpr Duration kActWithin = std::chrono::seconds(5);
  // Until the ledger is restored, Enforce asks the venue for open orders this often: the question is expensive there.
  static constexpr Duration kAskOpenEvery = std::chrono::seconds(5);

 private:
  struct Cancels;
  void CancelOne(const std::string& client_order_id, Cancels& cancels);
  void CancelAtVenue(const exchange::VenueOrder& order, Cancels& cancels);
  Report CancelWhatTheVenueLists(const std::string& symbol);
  // Runs them all at once and waits for kActWithin at most.
  void RunCancels(std::vector<std::function<void(Cancels&)>> cancels, Report& report);
  // True: a closing order was taken. False: nothing to close, or one is under way. An error: it is still open.
  Result<bool> CloseOne(const exchange::VenuePosition& position);
  // The next closing order's name that neither we nor the venue know; empty: one is open at the venue.
  Result<Order> NextClose(const exchange::VenuePosition& position, Decimal quantity);

  Desk& desk_;
  Sender& sender_;
  SteadyTime ask_open_at_{};
};

}  // namespace quantum::execution
