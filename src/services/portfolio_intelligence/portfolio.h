#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "trading/account_report.h"
#include "trading/events.h"

// The portfolio's arithmetic, without I/O.
namespace quantum::portfolio_intelligence {

using trading::Decimal;

struct Holding {
  Decimal quantity;  // signed
  Decimal entry_price;
  Decimal realized_pnl;  // before fees and funding, since the start of the account
  Decimal fees;
  Decimal funding;       // paid; negative: received
  int64_t event_ms = 0;  // of the update it came from
};

// A holding and what the market says of it at that moment.
struct Valued {
  Holding holding;
  std::optional<Decimal> price;  // nothing only where nothing is held
  Decimal open_pnl;
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
  // The account, as the venue gave it in one answer.
  Decimal wallet;
  Decimal unrealized_pnl;
  Decimal equity;  // wallet + unrealized_pnl
  // The holdings, as position.updated gives them: they belong together, and may be an event behind the account.
  Decimal realized_pnl;  // before fees and funding
  Decimal fees;
  Decimal funding;                        // paid; negative: received
  Decimal open_pnl;                       // of what is held, at the mark price
  Decimal net_pnl;                        // realized + open - fees - funding
  Decimal exposure_long;                  // quote currency, at the mark price
  Decimal exposure_short;                 // unsigned
  Decimal drawdown_percent;               // from the peak, 0 … 100
  std::string source;                     // of the market: "live", "synthetic", "recording", "unknown"
  std::map<std::string, Valued> symbols;  // what the sums above are made of
};

struct Performance {
  int trades = 0;
  int wins = 0;
  Decimal net_pnl;
  Decimal gross_profit;
  Decimal gross_loss;                   // unsigned
  std::optional<double> profit_factor;  // nothing without a loss
  std::optional<double> win_rate;       // nothing without a trade
};

class Portfolio {
 public:
  // True when the update is newer than what is known.
  bool OnPosition(const trading::event::PositionUpdate& update);
  // The venue's mark price, or, where it is not known, the last one.
  void OnPrice(const std::string& symbol, Decimal price) { prices_[symbol] = price; }
  void Restore(std::map<std::string, Holding> holdings, std::optional<Peak> peak);

  // Nothing while an open position has no price: unknown is not a default. Moves the peak by the account's equity
  // alone: a wallet from the account and an open result from events would count a profit twice between an exit and its
  // event, and a peak is kept for ever.
  std::optional<Snapshot> Take(const trading::AccountReport& account, WallTime now);

  const std::map<std::string, Holding>& holdings() const { return holdings_; }
  const std::optional<Peak>& peak() const { return peak_; }
  std::optional<Decimal> Price(const std::string& symbol) const;

 private:
  std::map<std::string, Holding> holdings_;
  std::map<std::string, Decimal> prices_;
  std::optional<Peak> peak_;
};

Performance Summarize(const std::vector<ClosedTrade>& trades);

}  // namespace quantum::portfolio_intelligence
