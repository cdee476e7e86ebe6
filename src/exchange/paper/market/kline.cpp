#include "exchange/paper/market/kline.h"

#include <algorithm>

namespace quantum::paper {

int64_t IntervalMs(std::string_view interval) {
  if (interval == "5s") {
    return 5'000;
  }
  if (interval == "1m") {
    return 60'000;
  }
  if (interval == "5m") {
    return 300'000;
  }
  return interval == "15m" ? 900'000 : 0;
}

Kline KlineSeries::Opened(int64_t time_ms, Decimal price) const {
  Kline kline;
  kline.open_time = time_ms - time_ms % interval_ms_;
  kline.close_time = kline.open_time + interval_ms_ - 1;
  kline.open = kline.high = kline.low = kline.close = price;
  return kline;
}

std::vector<Kline> KlineSeries::Advance(int64_t time_ms) {
  std::vector<Kline> closed;
  if (!current_ || time_ms <= current_->close_time) {
    return closed;
  }
  const int64_t now_open = time_ms - time_ms % interval_ms_;
  // After a long silence (a restart) only the newest candles matter.
  const int64_t oldest = now_open - static_cast<int64_t>(kKept) * interval_ms_;
  while (current_->close_time < time_ms) {
    closed.push_back(*current_);
    closed_.push_back(*current_);
    if (closed_.size() > kKept) {
      closed_.pop_front();
    }
    current_ = Opened(std::max(current_->close_time + 1, oldest), current_->close);
  }
  return closed;
}

void KlineSeries::Add(const MarketTrade& trade) {
  if (!current_) {
    current_ = Opened(trade.time_ms, trade.price);
  }
  Kline& kline = *current_;
  if (kline.trades == 0) {
    kline.open = kline.high = kline.low = trade.price;
    kline.first_trade_id = trade.trade_id;
  }
  kline.high = std::max(kline.high, trade.price);
  kline.low = std::min(kline.low, trade.price);
  kline.close = trade.price;
  kline.last_trade_id = trade.trade_id;
  ++kline.trades;
  const Decimal quote = trade.price.Times(trade.quantity);
  kline.volume += trade.quantity;
  kline.quote_volume += quote;
  if (!trade.buyer_is_maker) {
    kline.taker_buy += trade.quantity;
    kline.taker_buy_quote += quote;
  }
}

void KlineSeries::Restore(const Kline& kline) {
  if (current_ && kline.open_time < current_->open_time) {
    return;
  }
  closed_.push_back(kline);
  if (closed_.size() > kKept) {
    closed_.pop_front();
  }
  current_ = Opened(kline.close_time + 1, kline.close);
}

void KlineSeries::Absorb(const Kline& finer) {
  if (finer.trades == 0 || (current_ && finer.open_time < current_->open_time)) {
    return;
  }
  Advance(finer.open_time);
  if (!current_ || current_->trades == 0) {
    const Kline opened = Opened(finer.open_time, finer.open);
    current_ = finer;
    current_->open_time = opened.open_time;
    current_->close_time = opened.close_time;
    return;
  }
  current_->high = std::max(current_->high, finer.high);
  current_->low = std::min(current_->low, finer.low);
  current_->close = finer.close;
  current_->volume += finer.volume;
  current_->quote_volume += finer.quote_volume;
  current_->taker_buy += finer.taker_buy;
  current_->taker_buy_quote += finer.taker_buy_quote;
  current_->last_trade_id = finer.last_trade_id;
  current_->trades += finer.trades;
}

std::vector<Kline> KlineSeries::Select(std::optional<int64_t> start_ms, std::optional<int64_t> end_ms,
                                       size_t limit) const {
  std::vector<Kline> found;
  const auto take = [&](const Kline& kline) {
    if ((!start_ms || kline.open_time >= *start_ms) && (!end_ms || kline.open_time <= *end_ms)) {
      found.push_back(kline);
    }
  };
  std::for_each(closed_.begin(), closed_.end(), take);
  if (current_) {
    take(*current_);
  }
  if (found.size() > limit) {
    if (start_ms) {
      found.resize(limit);
    } else {
      found.erase(found.begin(), found.end() - static_cast<ptrdiff_t>(limit));
    }
  }
  return found;
}

}  // namespace quantum::paper
