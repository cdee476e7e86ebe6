#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "exchange/venue.h"
#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "services/execution/change_set.h"
#include "services/execution/ledger.h"
#include "services/execution/settings.h"
#include "trading/halt/halt_flag.h"

namespace quantum::execution {

// In metrics.
void CountRefusal(const Refusal& refusal);

// What every part of execution works with: the venue, the ledger, where changes go, and the state that decides whether
// entries may go out. For fibers of one loop.
class Desk {
 public:
  Desk(fiber::Loop& loop, const Clock& clock, exchange::TradingVenue& venue, ChangeSink& sink, Settings settings);

  fiber::Loop& loop;
  const Clock& clock;
  exchange::TradingVenue& venue;
  ChangeSink& sink;
  const Settings settings;
  Rules rules;
  Ledger ledger;
  trading::HaltFlag halt;
  fiber::Event stopping;

  bool paused = false;
  bool draining = false;
  bool restored = false;  // the ledger holds what was recorded
  bool reconciled = false;
  // Symbols that take no entries yet after the start: positions that still differ from the venue's, and how many orders
  // of an earlier process are still being asked about.
  std::set<std::string> unreconciled;
  std::map<std::string, int> recovering;
  // When the database was last set back by a restore. What is older may have been done by a life that it has forgotten.
  WallTime set_back{};
  // Whether the venue answered the last order. While it does not, a position without a stop is the outage's doing: the
  // stop goes first when it ends, and nothing is closed for it.
  bool venue_answers = true;
  std::string unprotected;  // not empty: why entries are refused until every position has its stop again

  // Whether Postgres is away for so long that another process may act for the account by now.
  std::function<bool()> in_doubt = [] { return false; };
  // Called with the symbol after every change that may need protection work.
  std::function<void(const std::string&)> on_change;
  // Called when reported fills have not come for a while: they must be asked for.
  std::function<void()> on_fills_missing;
  // Called with the order and the reason when a report of it cannot be true: it must be asked for.
  std::function<void(const std::string&, const std::string&)> on_contradiction;
  // The owner of this desk: what runs for it keeps it alive.
  std::weak_ptr<void> owner;
  void Spawn(std::function<void()> body);

  // Everything that moves the ledger passes here: logs, counters, the sink, and on_change.
  void Commit(ChangeSet changes);
  // A report of the exchange. False: it cannot be true; it is logged, changes nothing and is asked about.
  bool Report(const trading::OrderReport& report);
  // The venue's quantity and trigger price of an order count, where others are known: what was sent by a process that
  // died before it recorded that, or whose request arrived after it had been given up. True when they differed.
  bool TakeTerms(const exchange::VenueOrder& theirs);

  WallTime Now() const { return clock.Now(); }
  // A time of ours, such as now, on the venue's clock; nothing while that is not known.
  std::optional<WallTime> VenueTime(WallTime ours) const {
    const auto offset = venue.clock_offset();
    return offset ? std::optional(ours + *offset) : std::nullopt;
  }
  std::optional<WallTime> VenueNow() const { return VenueTime(Now()); }
  const trading::SymbolRules* RulesOf(const std::string& symbol) const;
  // Reads the halt flag anew (a stat), so that a halt on the disk holds for the very next entry.
  Gates GatesFor(const std::string& symbol);
  bool SymbolHalted(const std::string& symbol) const;
  bool SymbolSettled(const std::string& symbol) const {
    return !unreconciled.contains(symbol) && !recovering.contains(symbol);
  }
  // Called every second: it goes through all that is open.
  void UpdateGauges();

 private:
  void Observe(const ChangeSet& changes);
};

}  // namespace quantum::execution
