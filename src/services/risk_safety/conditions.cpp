#include "services/risk_safety/conditions.h"

#include <fmt/format.h>

namespace quantum::risk_safety {
namespace {

int64_t Ms(Duration duration) { return duration / std::chrono::milliseconds(1); }

}  // namespace

void Conditions::OnExecutionError(SteadyTime now) { errors_.push_back(now); }

void Conditions::OnPosition(const std::string& symbol, Decimal quantity, bool is_protected, SteadyTime now) {
  if (quantity.is_zero()) {
    positions_.erase(symbol);
    return;
  }
  Held& held = positions_[symbol];
  held.quantity = quantity;
  if (is_protected) {
    held.unprotected_since.reset();
  } else if (!held.unprotected_since) {
    held.unprotected_since = now;
  }
}

std::optional<std::string> Conditions::Evaluate(const Facts& facts) {
  const Decimal hundred = Decimal::FromInt(100);
  if (facts.account && facts.account->day_start_equity.is_positive()) {
    const Decimal start = facts.account->day_start_equity;
    const Decimal lost = (start - facts.account->equity).Times(hundred).DividedBy(start);
    if (lost >= facts.daily_drawdown_percent_max) {
      return fmt::format("DAILY_DRAWDOWN: max_percent={} got={}", facts.daily_drawdown_percent_max.ToString(),
                         lost.ToString());
    }
    const Decimal without = facts.account->equity - facts.unrealized_pnl;
    if (facts.unrealized_pnl.is_negative() && without.is_positive()) {
      const Decimal open_loss = (-facts.unrealized_pnl).Times(hundred).DividedBy(without);
      if (open_loss >= limits_.open_loss_percent_max) {
        return fmt::format("OPEN_LOSS: max_percent={} got={}", limits_.open_loss_percent_max.ToString(),
                           open_loss.ToString());
      }
    }
  }
  while (!errors_.empty() && facts.now - errors_.front() > limits_.execution_errors_window) {
    errors_.pop_front();
  }
  if (static_cast<int>(errors_.size()) >= limits_.execution_errors_max) {
    return fmt::format("EXECUTION_ERRORS: max={} got={}", limits_.execution_errors_max, errors_.size());
  }
  for (const auto& [symbol, held] : positions_) {
    if (const auto age = facts.market_age.find(symbol);
        age != facts.market_age.end() && age->second > limits_.market_stale_max) {
      return fmt::format("STALE_MARKET_DATA: symbol={} max_ms={} got={}", symbol, Ms(limits_.market_stale_max),
                         Ms(age->second));
    }
    if (held.unprotected_since && facts.now - *held.unprotected_since > limits_.unprotected_max) {
      return fmt::format("UNPROTECTED_POSITION: symbol={} quantity={} max_ms={} got={}", symbol,
                         held.quantity.ToString(), Ms(limits_.unprotected_max),
                         Ms(facts.now - *held.unprotected_since));
    }
  }
  return std::nullopt;
}

}  // namespace quantum::risk_safety
