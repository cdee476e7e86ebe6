#include "services/risk_safety/views.h"

namespace quantum::risk_safety {

void Views::SetPrice(const std::string& symbol, Decimal price) { prices_[symbol] = {price, clock_.Steady()}; }

void Views::OnTick(const trading::event::Tick& tick) { SetPrice(tick.symbol, tick.price); }

void Views::OnKline(const trading::event::Kline& kline) {
  // A bar is news only while ticks are not: its close is never newer than the last tick.
  if (!prices_.contains(kline.symbol)) {
    SetPrice(kline.symbol, kline.close);
  }
}

void Views::OnPosition(const std::string& symbol, Decimal quantity) {
  if (quantity.is_zero()) {
    positions_.erase(symbol);
  } else {
    positions_[symbol] = quantity;
  }
}

void Views::OnAccount(Decimal equity, Decimal available, Decimal unrealized, Decimal day_start_equity) {
  account_ = AccountView{.equity = equity, .available = available, .day_start_equity = day_start_equity};
  unrealized_ = unrealized;
  account_arrived_ = clock_.Steady();
}

void Views::OnOrder() { orders_.push_back(clock_.Steady()); }

std::optional<MarketView> Views::Market(const std::string& symbol) const {
  const auto found = prices_.find(symbol);
  if (found == prices_.end()) {
    return std::nullopt;
  }
  return MarketView{.mark_price = found->second.price, .age = clock_.Steady() - found->second.arrived};
}

std::optional<AccountView> Views::Account() const {
  std::optional<AccountView> account = account_;
  if (account) {
    account->age = clock_.Steady() - account_arrived_;
  }
  return account;
}

const trading::SymbolRules* Views::Rules(const std::string& symbol) const {
  const auto found = rules_.find(symbol);
  return found == rules_.end() ? nullptr : &found->second;
}

int Views::OrdersLastMinute() {
  const SteadyTime from = clock_.Steady() - std::chrono::minutes(1);
  while (!orders_.empty() && orders_.front() < from) {
    orders_.pop_front();
  }
  return static_cast<int>(orders_.size());
}

std::map<std::string, Duration> Views::MarketAges(const std::vector<std::string>& symbols) const {
  std::map<std::string, Duration> ages;
  for (const std::string& symbol : symbols) {
    const auto found = prices_.find(symbol);
    ages[symbol] = clock_.Steady() - (found == prices_.end() ? started_ : found->second.arrived);
  }
  return ages;
}

}  // namespace quantum::risk_safety
