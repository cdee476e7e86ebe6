#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "services/risk_safety/checks.h"
#include "trading/events.h"
#include "trading/types.h"

namespace quantum::risk_safety {

// What risk-safety knows of the world, each fact with the time it arrived. One loop, no locks.
class Views {
 public:
  explicit Views(const Clock& clock) : clock_(clock), started_(clock.Steady()) {}

  void OnTick(const trading::event::Tick& tick);
  void OnKline(const trading::event::Kline& kline);
  void OnPosition(const std::string& symbol, Decimal quantity);
  void OnAccount(Decimal equity, Decimal available, Decimal unrealized, Decimal day_start_equity);
  void SetRules(std::map<std::string, trading::SymbolRules> rules) { rules_ = std::move(rules); }
  void OnOrder();  // counts towards the order rate

  std::optional<MarketView> Market(const std::string& symbol) const;
  std::optional<AccountView> Account() const;
  Decimal unrealized() const { return unrealized_; }
  const trading::SymbolRules* Rules(const std::string& symbol) const;
  bool has_rules() const { return !rules_.empty(); }
  const std::map<std::string, Decimal>& positions() const { return positions_; }
  int OrdersLastMinute();
  // Age of the last price by symbol; a symbol that never had one counts from the start of the process.
  std::map<std::string, Duration> MarketAges(const std::vector<std::string>& symbols) const;

 private:
  struct Price {
    Decimal price;
    SteadyTime arrived;
  };
  void SetPrice(const std::string& symbol, Decimal price);

  const Clock& clock_;
  SteadyTime started_;
  std::map<std::string, Price> prices_;
  std::map<std::string, Decimal> positions_;
  std::map<std::string, trading::SymbolRules> rules_;
  std::optional<AccountView> account_;
  SteadyTime account_arrived_{};
  Decimal unrealized_;
  std::deque<SteadyTime> orders_;
};

}  // namespace quantum::risk_safety
