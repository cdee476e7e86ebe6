#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "services/execution/absence.h"
#include "services/execution/reconcile.h"
#include "services/execution/sender.h"

namespace quantum::execution {

// Compares orders, fills and positions with the venue, at the start, on every reconnection of the user stream and on a
// timer, and repairs what differs: the venue is the truth.
class Reconciler {
 public:
  Reconciler(Desk& desk, Sender& sender) : desk_(desk), sender_(sender) {}

  // One whole comparison. An error: the venue could not be asked, and nothing can be said.
  Status Pass();
  // The first one: it also settles differences of positions before anything is traded. What still moves after kSettle
  // is left to the later ones, and its symbols take no entries until then.
  Status First();
  void Kick() { kick_.Set(); }
  // The venue has settled funding, or may have while nobody listened: the next pass asks for it.
  void ExpectFunding();
  // Until the desk stops: every reconcile_interval, and kPauseMin after a kick at the earliest. While something stays
  // unsettled, or the venue does not answer, the pause doubles from kPauseMin to the interval.
  void Run();
  static constexpr Duration kPauseMin = std::chrono::milliseconds(250);

  int64_t repairs() const { return repairs_; }

 private:
  // Symbols that we trade, hold or have orders in.
  std::set<std::string> OurSymbols() const;
  // Of all symbols now and then, since that costs much of the request budget; else of ours.
  Result<std::vector<exchange::VenueOrder>> ListOpenOrders();
  void AskForTheUnlisted(const std::vector<std::string>& ids);
  // Symbols whose fills may be missing: what stands or is held there differs, or cannot be told. The others, where only
  // fills of somebody else that cancel each other out could hide, have their turn some at a time: a question weighs
  // five.
  std::set<std::string> SymbolsToAsk(const Differences& differences, const std::set<std::string>& symbols);
  Status FetchFills(const std::string& symbol);
  // Of a symbol that we never traded: what was done there before is not ours. Its position is taken over as it stands.
  Status SkipThePast(const std::string& symbol);
  // When expected, and every so often: the stream's word on it names neither symbol nor amount, and may be missed.
  void FetchFunding();
  // Unknown orders of the symbol may be the ones that filled: ask for them first. False: not all could be settled.
  bool SettleUnknown(const std::string& symbol);
  Status ComparePositions();
  void Repair(const PositionDifference& difference);
  void RemoveOrphans(const Differences& differences);

  Desk& desk_;
  Sender& sender_;
  fiber::Event kick_;
  bool unsettled_ = false;  // positions differ, and another look may explain it
  // Differences of positions seen in the pass before: only what stays different is repaired, and only if nothing was
  // booked in between: an entry that was late and an exit that is look the same. As it is made, no evidence: the
  // venue's answer was under way while a fill was booked, and may be older than the fill.
  struct Suspicion {
    Decimal ours, venues;
    uint64_t last_booking = 0;
    bool operator==(const Suspicion&) const = default;
  };
  std::map<std::string, Suspicion> suspected_;
  std::set<std::string> asked_;  // symbols whose fills are all known as of this comparison
  std::set<std::string> begun_;  // symbols whose fills were asked for
  std::string last_turn_;        // the symbol that had the last of the turns
  // Symbols with a fill at the venue that is not booked yet, since an order that cannot be asked about may be its own.
  std::set<std::string> fill_waits_;
  std::set<std::string> foreign_seen_;
  std::map<std::string, AbsenceProof> absent_;  // live for us, unknown to the venue as far as it said so
  SteadyTime funding_due_{};
  SteadyTime list_all_at_{};
  int64_t repairs_ = 0;
};

}  // namespace quantum::execution
