#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "trading/events.h"

// The portfolio's arithmetic, without I/O.
namespace quantum::portfolio_intelligence {

using trading::Decimal;

struct Holding {
  Decimal quantity;      // signed
  Decimal entry_price;
  Decimal realized_pnl;  // before fees, since the start of the account
  Decimal fees;
  int64_t event_ms = 0;  // of the update it came from
};

struct ClosedTrade {
  std::string trade_id;
  Decimal realized_pnl;  // net of fees and funding
  int64_t closed_ms = 0;
};

struct Peak {
  Decimal equity;
  WallTime reached_at{};
  Decimal drawdown_max_percent;
};

struct Snapshot {
  WallTime taken_at{};
  Decimal wallet;
  Decimal unrealized_pnl;
  Decimal equity;           // wallet + unrealized_pnl
  Decimal realized_pnl;     // before fees
  Decimal fees;
  Decimal exposure_long;    // quote currency, at the mark price
  Decimal exposure_short;   // unsigned
  Decimal drawdown_percent; // from the peak, 0 … 100
};

struct Performance {
  int trades = 0;
  int wins = 0;
  Decimal net_pnl;
  Decimal gross_profit;
  Decimal gross_loss;                  // unsigned
  std::optional<double> profit_factor; // nothing without a loss
  std::optional<double> win_rate;      // nothing without a trade
};

class Portfolio {
 public:
  // True when the update is newer than what is known.
  bool OnPosition(const trading::event::PositionUpdate& update);
  void OnPrice(const std::string& symbol, Decimal price) { prices_[symbol] = price; }
  void Restore(std::map<std::string, Holding> holdings, std::optional<Peak> peak);

  // Nothing while an open position has no price: unknown is not a default. Moves the peak.
  std::optional<Snapshot> Take(Decimal wallet, WallTime now);

  const std::map<std::string, Holding>& holdings() const { return holdings_; }
  const std::optional<Peak>& peak() const { return peak_; }
  std::optional<Decimal> Price(const std::string& symbol) const;
  // Signed; nothing without a price.
  std::optional<Decimal> Unrealized(const std::string& symbol) const;

 private:
  std::map<std::string, Holding> holdings_;
  std::map<std::string, Decimal> prices_;
  std::optional<Peak> peak_;
};

Performance Summarize(const std::vector<ClosedTrade>& trades);

}  // namespace quantum::portfolio_intelligence
