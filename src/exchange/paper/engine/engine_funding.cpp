// Funding: what holders of positions pay each other every few hours.
#include <algorithm>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

// https://www.binance.com/en/support/faq/360033525031: rate = premium + clamp(interest - premium, -0.05 %, 0.05 %),
// bounded by three quarters of the lowest maintenance rate.
Decimal RateOf(Decimal premium, Decimal maintenance_rate) {
  const Decimal interest = "0.0001"_dec;
  const Decimal pull = std::clamp(interest - premium, "-0.0005"_dec, "0.0005"_dec);
  const Decimal most = maintenance_rate.Times("0.75"_dec);
  return std::clamp(premium + pull, -most, most);
}

}  // namespace

int64_t Engine::NextFundingMs(int64_t market_ms) const {
  return (market_ms / options_.funding_interval_ms + 1) * options_.funding_interval_ms;
}

Decimal Engine::FundingRate(const std::string& symbol) const {
  const auto found = premiums_.find(symbol);
  const bool sampled = found != premiums_.end() && found->second.samples > 0;
  const Decimal premium = sampled ? Decimal::FromRaw(found->second.sum / found->second.samples) : Decimal();
  return RateOf(premium, markets_.at(symbol).rules().rules.maintenance_margin_ratio);
}

void Engine::OnMarketTime(int64_t market_ms, int64_t now_ms) {
  const int64_t period = market_ms / options_.funding_interval_ms;
  if (period == funding_period_) {
    return;
  }
  const bool first = funding_period_ == 0;
  funding_period_ = period;
  if (first) {
    return;  // nothing was held here before this market began
  }
  for (const auto& [symbol, market] : markets_) {
    if (market.ready()) {
      SettleFunding(symbol, period * options_.funding_interval_ms, now_ms);
    }
  }
  premiums_.clear();
  WatchMargin(now_ms);
}

void Engine::SettleFundingNow(const std::string& symbol, int64_t now_ms) {
  for (const auto& [name, market] : markets_) {
    if (market.ready() && (symbol.empty() || symbol == name)) {
      SettleFunding(name, now_ms, now_ms);
    }
  }
  WatchMargin(now_ms);
}

void Engine::SettleFunding(const std::string& symbol, int64_t funding_ms, int64_t now_ms) {
  const Decimal mark = markets_.at(symbol).mark_price();
  FundingSettled funding;
  funding.id = account_.next_funding_id();
  funding.symbol = symbol;
  funding.rate = FundingRate(symbol);
  funding.mark_price = mark;
  funding.paid = account_.symbol(symbol).position.quantity.Times(mark).Times(funding.rate);
  funding.funding_ms = funding_ms;
  funding.time_ms = now_ms;
  Commit(funding);
  if (funding.paid.is_zero()) {
    return;
  }
  AccountEvent event = AccountNow("FUNDING_FEE", symbol);
  event.change = -funding.paid;
  event.tells_position = event.isolated;
  Tell(std::move(event));
}

}  // namespace quantum::paper
