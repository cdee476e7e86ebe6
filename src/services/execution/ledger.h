#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "services/execution/change_set.h"
#include "services/execution/plan.h"
#include "trading/types.h"

namespace quantum::execution {

using Rules = std::map<std::string, trading::SymbolRules>;

// What the outside is told of an order's state; nothing for states that are the platform's own.
std::optional<bus::Event> OrderEvent(const Order& order);

// What Postgres knows, to start from.
struct LedgerSnapshot {
  struct Tracked {
    Order order;
    Decimal fills_quantity;  // of the fills in the table
    Decimal fills_notional;
  };
  std::vector<Tracked> orders;
  std::vector<Trade> trades;
  std::vector<PositionRow> positions;
  std::map<std::string, int64_t> cursors;
  std::vector<std::pair<std::string, int64_t>> fills_beyond_cursor;  // symbol, trade id
  std::vector<exchange::FundingPayment> funding;                     // the newest that are booked, of some days
};

// Orders, trades and positions in memory, moved by what the exchange reports and by nothing else (pains.md 2).
// Sans-I/O: every call returns the rows and events that follow from it. Each fill counts once, by the venue's trade id;
// positions and trades move by fills only, orders by reports as well. Not thread-safe; no call suspends.
class Ledger {
 public:
  struct Options {
    // For a position that no decision explains: its stop stands so far from its entry.
    double default_stop_percent = 2.0;
  };
  Ledger(Options options, const Rules& rules) : options_(options), rules_(rules) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void Restore(LedgerSnapshot snapshot, WallTime now);
  // Takes over a plan whose rows are committed already.
  void Adopt(const Plan& plan);

  // A new intent.
  ChangeSet Add(Order order);
  // Protective intents may be cut or grown to the position as long as they have not been sent.
  ChangeSet Resize(const std::string& client_order_id, Decimal quantity, WallTime now);

  // A report of the exchange, with or without a fill. kInvalidArgument: it cannot be true; nothing changed.
  // The venue's word on what an order was sent as. What was committed is older where the process died between sending
  // an order with another quantity and recording it.
  ChangeSet TakeTerms(const std::string& client_order_id, Decimal quantity, Decimal trigger_price, WallTime now);
  Result<ChangeSet> ApplyReport(const trading::OrderReport& report, WallTime now);
  ChangeSet ApplyFill(const trading::Fill& fill, WallTime now);

  // Books a settlement of funding once, by its id: on the position, and on the trades that were open then, each by its
  // share of the quantity.
  ChangeSet ApplyFunding(const exchange::FundingPayment& payment, WallTime now);
  // Settlements from here on may not be booked yet: the newest booked one, less the time by which another may come
  // late.
  WallTime funding_from() const;

  // The three ways an order ends or waits without a report. Each changes only an INTENT or UNKNOWN order.
  ChangeSet MarkUnknown(const std::string& client_order_id, std::string reason, WallTime now);
  ChangeSet MarkRejected(const std::string& client_order_id, std::string reason, WallTime now);  // or proven absent
  ChangeSet Discard(const std::string& client_order_id, std::string reason, WallTime now);       // never to be sent
  // An order that we believed live and that the venue proves not to have.
  ChangeSet MarkGone(const std::string& client_order_id, std::string reason, WallTime now);

  // Every fill of the symbol up to this trade id has been applied.
  ChangeSet AdvanceCursor(const std::string& symbol, int64_t trade_id);
  // Makes our position what the venue says, after fills could not explain the difference.
  ChangeSet Correct(const std::string& symbol, Decimal venue_quantity, Decimal venue_entry_price, WallTime now);
  // Forgets what ended before `before`; Postgres keeps it.
  void Purge(WallTime before);

  bool Knows(const trading::Fill& fill) const;  // applied already
  bool Owns(const trading::Fill& fill);         // applied already, or an order of ours explains it
  const Order* FindOrder(const std::string& client_order_id) const;
  const Trade* FindTrade(const std::string& trade_id) const;
  std::vector<const Order*> OrdersOf(const std::string& trade_id) const;  // by decision, in the order of creation
  std::vector<const Trade*> ActiveTrades(std::string_view symbol = {}) const;
  // Active trades, and ended ones whose protection is still to be taken down.
  std::vector<const Trade*> TradesToGuard(const std::string& symbol) const;
  std::vector<const Order*> OrdersWith(trading::OrderStatus status) const;  // not of a final one
  std::vector<const Order*> LiveOrders() const;  // NEW, PARTIALLY_FILLED, and TRIGGERED with fills to come
  const trading::Position& PositionOf(const std::string& symbol) const;
  std::vector<PositionRow> OpenPositions() const;
  std::vector<std::string> Symbols() const;  // with an active trade, a position, or an order that is not over
  int64_t Cursor(const std::string& symbol) const;
  // What moves positions is numbered from 1 on, over all symbols, since the start: the last number given, and that of
  // the last that moved this symbol's (0: none).
  uint64_t bookings() const { return bookings_; }
  uint64_t LastBooking(const std::string& symbol) const;
  bool HasOrdersOf(const std::string& symbol) const;
  // An order of the symbol reports more than its fills explain: they must be fetched.
  bool LacksFills(const std::string& symbol) const;
  // The same of exits alone: the position is smaller than the fills say.
  bool AwaitsExitFills(const std::string& symbol) const;
  // What close orders will still take from the symbol's position, counting what is reported but not booked yet.
  Decimal Closing(const std::string& symbol) const;
  bool IsCovered(const Trade& trade) const;           // a live stop covers all that is open
  bool IsProtected(const std::string& symbol) const;  // and of all trades of the symbol

 private:
  struct Tracked {
    Order order;
    Decimal fills_quantity;
    Decimal fills_notional;
  };
  struct Account {
    PositionRow row;
    int64_t cursor = 0;
    std::set<int64_t> beyond;  // applied fills above the cursor
    uint64_t last_booking = 0;
  };
  struct Step;  // what one call touched

  // True when the order was not known.
  bool Track(Tracked tracked);
  // Keeps open_ and active_, after a change.
  void Index(Tracked& tracked);
  void Index(Trade& trade);
  const std::vector<Tracked*>& TrackedOf(const std::string& trade_id) const;
  Tracked* OwnerOf(const trading::Fill& fill);
  Trade* TradeOf(const Order& order);
  void ApplyFillTo(Step& step, const trading::Fill& fill, WallTime now);
  void AdvanceByFills(Tracked& tracked, const trading::Fill& fill, WallTime now);
  void Allocate(Step& step, const trading::Fill& fill, const Order* order, std::string_view reason, WallTime now);
  void NetOpposites(Step& step, const trading::Fill& fill, WallTime now);
  Trade& AdoptTrade(const trading::Fill& fill, WallTime now);
  void SettleTrade(Step& step, Trade& trade, WallTime now);
  void ShareFunding(Step& step, const exchange::FundingPayment& payment);
  ChangeSet Finish(Step& step, WallTime now);
  ChangeSet SetStatus(const std::string& client_order_id, trading::OrderStatus status, std::string reason, bool live,
                      WallTime now);

  Options options_;
  const Rules& rules_;
  std::map<std::string, Tracked> orders_;
  std::map<std::string, std::vector<Tracked*>> orders_of_;  // by decision, in the order of creation
  std::map<std::string, Trade> trades_;
  // Ended ones stay for a while, by the tens of thousands; what is asked at every report is asked of these.
  std::map<std::string, Tracked*> open_;  // not over, or reports more than its fills explain; by client order id
  std::map<std::string, Trade*> active_;  // not done, or not flat; by trade id
  std::map<std::string, Account> accounts_;
  uint64_t bookings_ = 0;
  std::map<std::pair<std::string, int64_t>, WallTime> funding_booked_;  // by symbol and id
  WallTime funding_floor_{};                                            // what was settled before is not ours
  WallTime funding_newest_{};                                           // of those booked
};

}  // namespace quantum::execution
