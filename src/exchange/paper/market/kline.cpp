#include "exchange/paper/market/kline.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace quantum::paper {

namespace {

Decimal Sum(Decimal a, Decimal b) {
  return a.CheckedPlus(b).value_or(Decimal::FromRaw(std::numeric_limits<int64_t>::max()));
}

// What it contains, but not when.
void Take(Kline& kline, const Kline& other) {
  const auto [open_time, close_time] = std::pair(kline.open_time, kline.close_time);
  kline = other;
  kline.open_time = open_time;
  kline.close_time = close_time;
}

}  // namespace

int64_t IntervalMs(std::string_view interval) {
  static constexpr std::pair<std::string_view, int64_t> kAll[] = {
      {"5s", 5'000},      {"1m", 60'000},      {"3m", 180'000},   {"5m", 300'000},    {"15m", 900'000},
      {"30m", 1'800'000}, {"1h", 3'600'000},   {"2h", 7'200'000}, {"4h", 14'400'000}, {"6h", 21'600'000},
      {"8h", 28'800'000}, {"12h", 43'200'000}, {"1d", 86'400'000}};
  const auto* const found =
      std::find_if(std::begin(kAll), std::end(kAll), [&](auto& of) { return of.first == interval; });
  return found == std::end(kAll) ? 0 : found->second;
}

void Extend(Kline& kline, const Kline& later) {
  if (later.trades == 0) {
    return;  // flat, at the last close
  }
  if (kline.trades == 0) {
    Take(kline, later);
    return;
  }
  kline.high = std::max(kline.high, later.high);
  kline.low = std::min(kline.low, later.low);
  kline.close = later.close;
  kline.volume = Sum(kline.volume, later.volume);
  kline.quote_volume = Sum(kline.quote_volume, later.quote_volume);
  kline.taker_buy = Sum(kline.taker_buy, later.taker_buy);
  kline.taker_buy_quote = Sum(kline.taker_buy_quote, later.taker_buy_quote);
  kline.last_trade_id = later.last_trade_id;
  kline.trades += later.trades;
}

std::vector<Kline> Fold(const std::vector<Kline>& finer, int64_t interval_ms) {
  std::vector<Kline> coarser;
  for (const Kline& kline : finer) {
    const int64_t open_time = kline.open_time - kline.open_time % interval_ms;
    if (!coarser.empty() && coarser.back().open_time == open_time) {
      Extend(coarser.back(), kline);
      continue;
    }
    coarser.push_back(kline);
    coarser.back().open_time = open_time;
    coarser.back().close_time = open_time + interval_ms - 1;
  }
  return coarser;
}

std::vector<Kline> Select(std::vector<Kline> klines, std::optional<int64_t> start_ms, std::optional<int64_t> end_ms,
                          size_t limit) {
  std::erase_if(klines, [&](const Kline& kline) {
    return (start_ms && kline.open_time < *start_ms) || (end_ms && kline.open_time > *end_ms);
  });
  if (klines.size() > limit) {
    if (start_ms) {
      klines.resize(limit);
    } else {
      klines.erase(klines.begin(), klines.end() - static_cast<ptrdiff_t>(limit));
    }
  }
  return klines;
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
  if (!current_) {
    current_ = Opened(finer.open_time, finer.open);
  }
  Extend(*current_, finer);
}

std::vector<Kline> KlineSeries::Since(int64_t start_ms) const {
  auto from = closed_.end();
  while (from != closed_.begin() && std::prev(from)->open_time >= start_ms) {
    --from;
  }
  std::vector<Kline> found(from, closed_.end());
  if (current_ && current_->open_time >= start_ms) {
    found.push_back(*current_);
  }
  return found;
}

std::vector<Kline> KlineSeries::Folded(int64_t interval_ms) const {
  std::vector<Kline> coarser = Fold(Since(0), interval_ms);
  if (closed_.size() == kKept && closed_.front().open_time > coarser.front().open_time) {
    coarser.erase(coarser.begin());
  }
  return coarser;
}

}  // namespace quantum::paper
