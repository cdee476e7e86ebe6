#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "services/risk_safety/checks.h"
#include "trading/events.h"
#include "trading/types.h"

namespace quantum::risk_safety {

// What execution says of a position, in an event or on request.
struct PositionFact {
  std::string symbol;
  Decimal quantity;  // signed
  Decimal entry_price;
  bool is_protected = false;
  int64_t time_ms = 0;  // of the change
};

// What risk-safety knows of the world, each fact with the time it arrived. One loop, no locks.
class Views {
 public:
  explicit Views(const Clock& clock) : clock_(clock), started_(clock.Steady()) {}

  void OnTick(const trading::event::Tick& tick);
  // Facts come by two ways, as events and by asking: the newer `time_ms` wins. False when it is older than what is
  // known.
  bool OnPosition(const PositionFact& fact);
  // as_of: when the venue was asked.
  void OnAccount(Decimal equity, Decimal available, Decimal unrealized, Decimal day_start_equity, WallTime as_of);
  void SetRules(std::map<std::string, trading::SymbolRules> rules) { rules_ = std::move(rules); }
  // All positions were read at least once, so that a symbol without one has none.
  void SetPositionsKnown() { positions_known_ = true; }
  // Counts towards the order rate, each decision once.
  void OnOrder(const std::string& decision_id, WallTime at);

  std::optional<MarketView> Market(const std::string& symbol) const;
  std::optional<AccountView> Account() const;
  Decimal unrealized() const { return unrealized_; }
  const trading::SymbolRules* Rules(const std::string& symbol) const;
  bool has_rules() const { return !rules_.empty(); }
  bool positions_known() const { return positions_known_; }
  // Open positions, valued at the mark price, else the last price, else their entry price.
  std::map<std::string, HeldPosition> Held() const;
  std::map<std::string, PositionFact> const& positions() const { return positions_; }  // flat ones too
  int OrdersLastMinute();
  const std::map<std::string, WallTime>& orders() const { return orders_; }  // of the last minute or so
  // Age of the last price by symbol; a symbol that never had one counts from the start of the process.
  std::map<std::string, Duration> MarketAges(const std::vector<std::string>& symbols) const;

 private:
  struct Price {
    Decimal last;
    SteadyTime arrived;
    std::optional<Decimal> mark;
    SteadyTime mark_arrived;
  };

  const Clock& clock_;
  SteadyTime started_;
  std::map<std::string, Price> prices_;
  std::map<std::string, PositionFact> positions_;
  bool positions_known_ = false;
  std::map<std::string, trading::SymbolRules> rules_;
  std::optional<AccountView> account_;
  SteadyTime account_arrived_{};
  Decimal unrealized_;
  std::map<std::string, WallTime> orders_;
};

}  // namespace quantum::risk_safety
