#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "platform/base/result.h"
#include "services/execution/absence.h"
#include "services/execution/desk.h"

namespace quantum::execution {

// Sends the ledger's intents and finds out what became of them. An outcome is confirmed, rejected, or unknown; unknown
// is asked about until the venue has answered (pains.md 4), and the same order is never sent twice.
class Sender {
 public:
  // From here on the desk's contradicting reports are asked about (Resolve).
  explicit Sender(Desk& desk);

  // Sends an INTENT of the ledger and records the outcome. An unknown one, and one whose answer cannot be true, is
  // pursued in a fiber of its own. What could not leave (no connection, no budget: nothing was sent) is no failure: an
  // entry or a close is withdrawn, a stop or take-profit stays an intent, busy for kSendAgain.
  void Submit(const std::string& client_order_id);
  // Asks for the cancellation; the exchange's report ends the order. Ok: the order is over at the venue, cancelled now
  // or ended before. kConflict: nothing was asked, since it is being sent or an earlier request is fresh (2 s); ask
  // again. Anything else: it may still be open.
  Status Cancel(const std::string& client_order_id);

  enum class Answer { kKnown, kNotFound, kNoAnswer };
  // Asks the venue for the order and applies what it says; an answer that cannot be true is none.
  Answer Ask(const std::string& client_order_id);
  // Asks until the venue knows the order (true) or its absence is proven (false; `stopped` as well: nothing is proven).
  // `sent_venue_time` as for AbsenceProof.
  enum class Finding { kPresent, kAbsent, kStopped };
  Finding AskUntilKnown(const std::string& client_order_id, std::optional<WallTime> sent_venue_time);
  // AskUntilKnown in a fiber of its own; a proven absence ends the order as rejected, or as withdrawn where nobody is
  // known to have sent it.
  enum class Absent { kFailed, kWithdrawn };
  void Pursue(const std::string& client_order_id, std::optional<WallTime> sent_venue_time,
              Absent absent = Absent::kFailed);
  // An INTENT of an earlier process, which may have sent it: UNKNOWN until the venue has answered. Tells nobody, for
  // nothing has failed.
  void Doubt(const std::string& client_order_id);

  // A report of this order could not be true: asks the venue for it until an answer can be applied. One that was never
  // confirmed is UNKNOWN until then.
  void Resolve(const std::string& client_order_id, const std::string& reason);

  // A request about this order is under way, or was made or tried a moment ago.
  bool IsBusy(const std::string& client_order_id) const;
  size_t in_flight() const { return sending_.size(); }

 private:
  bool AllowedInDoubt(const Order& order) const;
  void OnRejected(const Order& order, const exchange::Rejected& rejected);
  void OnUnknown(const Order& order, const std::string& reason, std::optional<WallTime> sent_venue_time);
  void AskUntilApplied(const std::string& client_order_id);

  Desk& desk_;
  std::set<std::string> sending_;
  std::set<std::string> pursued_;
  std::map<std::string, SteadyTime> cancel_asked_;
  std::map<std::string, SteadyTime> not_sent_;  // protective intents that could not leave, and when that was tried
};

}  // namespace quantum::execution
