#include "services/risk_safety/conditions.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/risk_safety/percent.h"

namespace quantum::risk_safety {
namespace {

int64_t Ms(Duration duration) { return duration / std::chrono::milliseconds(1); }

// The loss in percent; nothing where the numbers leave the range or there is no whole.
std::optional<Decimal> Loss(std::optional<Decimal> lost, std::optional<Decimal> whole) {
  return lost && whole && whole->is_positive() ? std::optional(Percent(*lost, *whole)) : std::nullopt;
}

}  // namespace

void Conditions::OnExecutionError(const std::string& client_order_id, WallTime at) {
  if (at < errors_seen_) {
    return;
  }
  const auto [found, fresh] = errors_.emplace(client_order_id, at);
  if (!fresh) {
    found->second = std::min(found->second, at);
  }
}

void Conditions::ForgetExecutionErrors(WallTime until) {
  errors_seen_ = std::max(errors_seen_, until);
  for (const auto& [id, at] : errors_) {
    errors_seen_ = std::max(errors_seen_, at + std::chrono::milliseconds(1));
  }
  errors_.clear();
}

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

trading::event::EssMetrics Conditions::Measure(const Facts& facts) const {
  trading::event::EssMetrics metrics;
  if (facts.account) {
    const AccountView& account = *facts.account;
    metrics.account_age_ms = Ms(account.age);
    metrics.daily_drawdown_percent =
        Loss(account.day_start_equity.CheckedMinus(account.equity), account.day_start_equity);
    const auto loss = facts.unrealized_pnl.is_negative() ? Decimal().CheckedMinus(facts.unrealized_pnl) : Decimal();
    metrics.open_loss_percent = Loss(loss, account.equity.CheckedMinus(facts.unrealized_pnl));
  }
  metrics.execution_errors = static_cast<int>(errors_.size());
  for (const auto& [symbol, held] : positions_) {
    if (held.unprotected_since) {
      ++metrics.positions_unprotected;
      metrics.unprotected_ms_max =
          std::max(metrics.unprotected_ms_max.value_or(0), Ms(facts.now - *held.unprotected_since));
    }
  }
  for (const auto& [symbol, age] : facts.market_age) {
    metrics.market_age_ms_max = std::max(metrics.market_age_ms_max.value_or(0), Ms(age));
  }
  return metrics;
}

std::optional<std::string> Conditions::JudgeAccount(const Facts& facts,
                                                    const trading::event::EssMetrics& metrics) const {
  if (metrics.daily_drawdown_percent && *metrics.daily_drawdown_percent >= facts.daily_drawdown_percent_max) {
    return fmt::format("DAILY_DRAWDOWN: max_percent={} got={}", facts.daily_drawdown_percent_max.ToString(),
                       metrics.daily_drawdown_percent->ToString());
  }
  if (metrics.open_loss_percent && *metrics.open_loss_percent >= limits_.open_loss_percent_max) {
    return fmt::format("OPEN_LOSS: max_percent={} got={}", limits_.open_loss_percent_max.ToString(),
                       metrics.open_loss_percent->ToString());
  }
  return std::nullopt;
}

std::optional<std::string> Conditions::JudgePositions(const Facts& facts) const {
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

Judgement Conditions::Evaluate(const Facts& facts) {
  std::erase_if(errors_,
                [&](const auto& error) { return facts.wall_now - error.second > limits_.execution_errors_window; });
  const bool account_fresh = facts.account && facts.account->age <= limits_.account_age_max;
  Judgement judgement{.complete = account_fresh && facts.positions_known, .metrics = Measure(facts)};
  if (account_fresh) {
    account_holds_ = JudgeAccount(facts, judgement.metrics);
  }
  judgement.holds = account_holds_;  // of an old account the last word stands
  if (!judgement.holds && static_cast<int>(errors_.size()) >= limits_.execution_errors_max) {
    judgement.holds = fmt::format("EXECUTION_ERRORS: max={} got={}", limits_.execution_errors_max, errors_.size());
  }
  if (!judgement.holds) {
    judgement.holds = JudgePositions(facts);
  }
  return judgement;
}

}  // namespace quantum::risk_safety
