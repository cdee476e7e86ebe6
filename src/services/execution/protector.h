#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "services/execution/protection.h"
#include "services/execution/sender.h"

namespace quantum::execution {

// Sees to it that every open position has its stop at the exchange: one fiber a symbol, woken by every change and by a
// timer, that does what PlanProtection says. It never waits for entries.
class Protector {
 public:
  Protector(Desk& desk, Sender& sender) : desk_(desk), sender_(sender) {}

  void Wake(const std::string& symbol);
  // After the start's comparison, before anything is placed: protective intents that an earlier process left behind and
  // that the venue does not list. It may have sent them, and they may still arrive, or be over: none is sent again, and
  // the venue is asked. Where it does not have one, another takes its place (unknown_trusted). Those of entries that
  // rest without a fill were not sent: a full desk is not asked about one by one, which would halt its symbols for
  // seconds.
  void Recover();
  // One look at the symbol's trades; public for tests. True: the next one can wait until something changes.
  bool Pass(const std::string& symbol);
  // Closes so much of a trade's position, at most what is open, reduce-only at market.
  void CloseTrade(const std::string& trade_id, std::string_view reason, Decimal quantity);
  // The trade that has been unprotected for the longest, and for how long.
  struct Worst {
    std::string trade_id;
    std::string symbol;
    Duration duration{};
  };
  Worst worst() const;

 private:
  bool MayHaveBeenSent(const Order& protective) const;
  struct Lane {
    fiber::Event work;
  };
  void Run(const std::string& symbol, Lane& lane);
  // The venue reports more than its fills explain. True: wait, what is open is smaller than it seems.
  bool AwaitsFills(const std::string& symbol);
  ProtectionActions PlanFor(const Trade& trade) const;
  bool Guard(const std::string& trade_id);  // true: settled
  void Place(const Order& order);

  Desk& desk_;
  Sender& sender_;
  std::map<std::string, std::unique_ptr<Lane>> lanes_;
  struct Unprotected {
    SteadyTime since{};
    SteadyTime counts_from{};  // the same, less the time in which the venue answered no orders
  };
  std::map<std::string, Unprotected> unprotected_;  // by trade
  // Fills that are reported and have not come, by symbol: since when, and when they are asked for next.
  struct Lacking {
    SteadyTime since{};
    SteadyTime ask_at{};
    Duration pause{};
  };
  std::map<std::string, Lacking> lacking_;
};

}  // namespace quantum::execution
