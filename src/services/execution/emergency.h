#pragma once

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
  // The flag first, then the deeds. Asking again does no harm. `by`: kHaltedByOperator or kHaltedByEss.
  Report Halt(const std::string& reason, bool close, std::string_view by);
  // kConflict: "ess" may not lift the operator's halt.
  Status Rearm(const std::string& reason, std::string_view by);

  // Cancels open entries (never protection), of one symbol or all; takes at most kActWithin.
  Report CancelEntries(const std::string& symbol = {});
  Report ClosePositions();

  // While halted: whatever is still open is dealt with again. Called every second; also notices a flag that was put on
  // the disk by hand.
  void Enforce();

  static constexpr Duration kActWithin = std::chrono::seconds(5);

 private:
  struct Cancels;
  void CancelOne(const std::string& client_order_id, Cancels& cancels);
  // True: a closing order was taken. False: nothing to close, or one is under way. An error: it is still open.
  Result<bool> CloseOne(const exchange::VenuePosition& position);
  // The next closing order's name that neither we nor the venue know; empty: one is open at the venue.
  Result<Order> NextClose(const exchange::VenuePosition& position, Decimal quantity);

  Desk& desk_;
  Sender& sender_;
};

}  // namespace quantum::execution
