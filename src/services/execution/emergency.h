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
    int cancelled = 0;
    int closed = 0;
    std::vector<std::string> problems;  // what could not be done; it is tried again every second while halted
  };
  // The flag first, then the deeds. Asking again does no harm.
  Report Halt(const std::string& reason, bool close);
  Status Rearm(const std::string& reason);

  // Cancels open entries (never protection), of one symbol or all.
  Report CancelEntries(const std::string& symbol = {});
  Report ClosePositions();

  // While halted: whatever is still open is dealt with again. Called every second; also notices a flag that was put on
  // the disk by hand.
  void Enforce();

 private:
  bool CloseOne(const exchange::VenuePosition& position);

  Desk& desk_;
  Sender& sender_;
};

}  // namespace quantum::execution
