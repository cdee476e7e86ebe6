#pragma once

#include <map>
#include <set>
#include <string>

#include "services/execution/absence.h"
#include "services/execution/desk.h"

namespace quantum::execution {

// Sends the ledger's intents and finds out what became of them. An outcome is confirmed, rejected, or unknown; unknown
// is asked about until the venue has answered (pains.md 4), and the same order is never sent twice.
class Sender {
 public:
  explicit Sender(Desk& desk) : desk_(desk) {}

  // Sends an INTENT of the ledger and records the outcome. An unknown one is pursued in a fiber of its own.
  void Submit(const std::string& client_order_id);
  // Asks for the cancellation; the exchange's report ends the order. Does nothing while an earlier request is fresh.
  void Cancel(const std::string& client_order_id);

  enum class Answer { kKnown, kNotFound, kNoAnswer };
  // Asks the venue for the order and applies what it says.
  Answer Ask(const std::string& client_order_id);
  // Asks until the venue knows the order (true) or its absence is proven (false; `stopped` as well: nothing is proven).
  enum class Finding { kPresent, kAbsent, kStopped };
  Finding AskUntilKnown(const std::string& client_order_id, WallTime sent_venue_time);
  // AskUntilKnown in a fiber of its own; a proven absence ends the order as rejected.
  void Pursue(const std::string& client_order_id, WallTime sent_venue_time);

  // A request about this order is under way or was made a moment ago.
  bool IsBusy(const std::string& client_order_id) const;
  size_t in_flight() const { return sending_.size(); }

 private:
  void OnUnknown(const Order& order, const std::string& reason);

  Desk& desk_;
  std::set<std::string> sending_;
  std::set<std::string> pursued_;
  std::map<std::string, SteadyTime> cancel_asked_;
};

}  // namespace quantum::execution
