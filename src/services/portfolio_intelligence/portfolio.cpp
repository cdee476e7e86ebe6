#include "services/portfolio_intelligence/portfolio.h"

#include <algorithm>

namespace quantum::portfolio_intelligence {

bool Portfolio::OnPosition(const trading::event::PositionUpdate& update) {
  Holding& holding = holdings_[update.symbol];
  if (update.time < holding.event_ms) {
    return false;
  }
  holding = {update.quantity, update.entry_price, update.realized_pnl, update.fees, update.funding, update.time};
  return true;
}

void Portfolio::Restore(std::map<std::string, Holding> holdings, std::optional<Peak> peak) {
  holdings_ = std::move(holdings);
  peak_ = peak;
}

std::optional<Decimal> Portfolio::Price(const std::string& symbol) const {
  const auto found = prices_.find(symbol);
  return found == prices_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Snapshot> Portfolio::Take(const trading::AccountReport& account, WallTime now) {
  Snapshot snapshot{.taken_at = now,
                    .wallet = account.wallet_balance,
                    .unrealized_pnl = account.unrealized_pnl,
                    .equity = account.equity()};
  for (const auto& [symbol, holding] : holdings_) {
    snapshot.realized_pnl += holding.realized_pnl;
    snapshot.fees += holding.fees;
    snapshot.funding += holding.funding;
    Valued valued{.holding = holding, .price = Price(symbol)};
    if (!holding.quantity.is_zero()) {
      if (!valued.price) {
        return std::nullopt;
      }
      valued.open_pnl = (*valued.price - holding.entry_price).Times(holding.quantity);
      const Decimal value = holding.quantity.Abs().Times(*valued.price);
      (holding.quantity.is_positive() ? snapshot.exposure_long : snapshot.exposure_short) += value;
    }
    snapshot.open_pnl += valued.open_pnl;
    snapshot.symbols[symbol] = std::move(valued);
  }
  snapshot.net_pnl = snapshot.realized_pnl + snapshot.open_pnl - snapshot.fees - snapshot.funding;
  if (!peak_ || snapshot.equity > peak_->equity) {
    peak_ = Peak{snapshot.equity, now, peak_ ? peak_->drawdown_max_percent : Decimal()};
  }
  if (peak_->equity.is_positive()) {
    snapshot.drawdown_percent = (peak_->equity - snapshot.equity).Times(Decimal::FromInt(100)).DividedBy(peak_->equity);
    peak_->drawdown_max_percent = std::max(peak_->drawdown_max_percent, snapshot.drawdown_percent);
  }
  return snapshot;
}

Performance Summarize(const std::vector<ClosedTrade>& trades) {
  Performance result;
  for (const ClosedTrade& trade : trades) {
    ++result.trades;
    result.net_pnl += trade.realized_pnl;
    if (trade.realized_pnl.is_positive()) {
      ++result.wins;
      result.gross_profit += trade.realized_pnl;
    } else {
      result.gross_loss += -trade.realized_pnl;
    }
  }
  if (result.trades > 0) {
    result.win_rate = static_cast<double>(result.wins) / result.trades;
  }
  if (result.gross_loss.is_positive()) {
    result.profit_factor = result.gross_profit.ToDouble() / result.gross_loss.ToDouble();
  }
  return result;
}

}  // namespace quantum::portfolio_intelligence
