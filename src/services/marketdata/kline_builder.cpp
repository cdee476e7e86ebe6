#include "services/marketdata/kline_builder.h"

#include <algorithm>

namespace quantum::marketdata {

using trading::Decimal;

void KlineBuilder::Begin(int64_t open_time, Decimal price) {
  bar_ = {};
  bar_.symbol = symbol_;
  bar_.interval = interval_.name;
  bar_.open_time = open_time;
  bar_.open = bar_.high = bar_.low = bar_.close = price;
}

void KlineBuilder::CloseUntil(int64_t open_time, std::vector<Closed>& closed) {
  if ((open_time - bar_.open_time) / interval_.ms > kEmptyMax) {
    broken_until_ = open_time;
    Begin(open_time, bar_.close);
    return;
  }
  while (bar_.open_time < open_time) {
    bar_.closed = true;
    const Decimal close = bar_.close;
    const int64_t next = bar_.open_time + interval_.ms;
    closed.push_back({bar_, bar_.open_time > broken_until_});
    Begin(next, close);
  }
}

std::vector<KlineBuilder::Closed> KlineBuilder::OnTrade(const exchange::MarketTrade& trade, bool missed_before) {
  std::vector<Closed> closed;
  if (!begun_ || missed_before) {
    broken_until_ = std::max(broken_until_, trade.time_ms);
  }
  if (trade.quantity.is_zero()) {
    return begun_ ? OnTime(trade.time_ms) : closed;
  }
  const int64_t open_time = interval_.Floor(trade.time_ms);
  if (!begun_) {
    begun_ = true;
    Begin(open_time, trade.price);
  }
  if (open_time < bar_.open_time) {
    ++late_trades_;
    return closed;
  }
  CloseUntil(open_time, closed);
  if (bar_.trades == 0) {
    bar_.open = bar_.high = bar_.low = trade.price;
  }
  bar_.high = std::max(bar_.high, trade.price);
  bar_.low = std::min(bar_.low, trade.price);
  bar_.close = trade.price;
  bar_.volume += trade.quantity;
  if (!trade.buyer_is_maker) {
    bar_.taker_buy += trade.quantity;
  }
  ++bar_.trades;
  return closed;
}

std::vector<KlineBuilder::Closed> KlineBuilder::OnTime(int64_t market_ms) {
  std::vector<Closed> closed;
  if (begun_ && market_ms - kGraceMs >= bar_.open_time + interval_.ms) {
    CloseUntil(interval_.Floor(market_ms - kGraceMs), closed);
  }
  return closed;
}

std::optional<trading::event::Kline> KlineBuilder::current() const {
  return begun_ ? std::optional(bar_) : std::nullopt;
}

}  // namespace quantum::marketdata
