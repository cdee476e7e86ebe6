#include "services/risk_safety/views.h"

namespace quantum::risk_safety {
namespace {

// The venue tells its mark price every one to three seconds; an older one says less than the last trade does.
constexpr Duration kMarkServes = std::chrono::seconds(10);

}  // namespace

void Views::OnTick(const trading::event::Tick& tick) {
  Price& price = prices_[tick.symbol];
  price.last = tick.price;
  price.arrived = clock_.Steady();
  if (tick.mark_price && tick.mark_price->is_positive()) {
    price.mark = tick.mark_price;
    price.mark_arrived = clock_.Steady();
  }
}

bool Views::OnPosition(const PositionFact& fact) {
  const auto found = positions_.find(fact.symbol);
  if (found != positions_.end() && fact.time_ms < found->second.time_ms) {
    return false;
  }
  positions_[fact.symbol] = fact;
  return true;
}

void Views::OnAccount(Decimal equity, Decimal available, Decimal unrealized, Decimal day_start_equity, WallTime as_of) {
  account_ =
      AccountView{.equity = equity, .available = available, .day_start_equity = day_start_equity, .as_of = as_of};
  unrealized_ = unrealized;
  account_arrived_ = clock_.Steady();
}

void Views::OnOrder(const std::string& decision_id, WallTime at) { orders_.emplace(decision_id, at); }

std::optional<MarketView> Views::Market(const std::string& symbol) const {
  const auto found = prices_.find(symbol);
  if (found == prices_.end()) {
    return std::nullopt;
  }
  const Price& price = found->second;
  const bool mark_serves = price.mark && clock_.Steady() - price.mark_arrived <= kMarkServes;
  return MarketView{.last_price = price.last,
                    .mark_price = mark_serves ? price.mark : std::nullopt,
                    .age = clock_.Steady() - price.arrived};
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

std::map<std::string, HeldPosition> Views::Held() const {
  std::map<std::string, HeldPosition> held;
  for (const auto& [symbol, fact] : positions_) {
    if (!fact.quantity.is_zero()) {
      const auto market = Market(symbol);
      held[symbol] = {fact.quantity, market ? market->mark_or_last() : fact.entry_price};
    }
  }
  return held;
}

int Views::OrdersLastMinute() {
  const WallTime from = clock_.Now() - std::chrono::minutes(1);
  std::erase_if(orders_, [&](const auto& order) { return order.second < from; });
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
