#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "services/execution/desk.h"
#include "tests/simulation_orders/network.h"
#include "tests/simulation_orders/store.h"

namespace quantum::orders_simulation {

// What must hold at every step, and what at the end, when all has been delivered and compared. The first thing that
// does not is told.
class Audit {
 public:
  Audit(const VenueModel& venue, const Store& store, Visits& visits) : venue_(venue), store_(store), visits_(visits) {}

  // An order leaves: recorded before (protection may have waited for that in vain), and never while an earlier request
  // for it may still be taken on.
  void Sent(const exchange::NewOrder& order, const execution::Order* ours, WallTime venue_now, WallTime signed_until);
  void Accepted(const exchange::NewOrder& order);
  // The venue has it no more, and it took nothing: it may be sent again once that is proven.
  void Forgotten(const std::string& client_order_id) { accepted_.erase(client_order_id); }
  // A new life knows what was written.
  void Loaded(const execution::LedgerSnapshot& snapshot);
  // One move of the ledger, before it is written.
  void Changed(const execution::ChangeSet& changes, const execution::Ledger& ledger);
  // What is written never contradicts itself.
  void Written(const execution::ChangeSet& changes);
  // What still differs when everything was delivered and compared; empty: the ledger is the venue, every position has
  // exactly its stop, nothing is left to be planned.
  std::string AtRest(const execution::Desk& desk);

  void Fail(std::string what);
  const std::string& trouble() const { return trouble_; }

 private:
  struct Seen {
    trading::OrderStatus status = trading::OrderStatus::kIntent;
    Decimal filled;
    Decimal quantity;
    int64_t version = 0;
  };
  void CheckOrder(const execution::Order& order);
  void CountVisits(const execution::ChangeSet& changes);
  void CheckFill(const trading::Fill& fill);
  void CheckPositions(const execution::Ledger& ledger);
  void CheckOrderAtRest(const VenueModel::Entry& entry, const execution::Ledger& ledger);
  void CheckProtection(const execution::Trade& trade, const execution::Desk& desk);
  void CheckStoreAtRest(const execution::Ledger& ledger);

  const VenueModel& venue_;
  const Store& store_;
  Visits& visits_;
  std::map<std::string, WallTime> sent_until_;        // until when the last request for it may be taken on
  std::map<std::string, int> accepted_;               // by client order id
  std::map<std::string, Seen> orders_;                // as this life of execution said last
  std::set<std::pair<std::string, int64_t>> booked_;  // by symbol and trade id, known to this life
  std::map<std::string, Decimal> position_;           // the sum of those
  std::map<std::string, Decimal> written_;            // of the fills in the store
  std::string trouble_;
};

}  // namespace quantum::orders_simulation
