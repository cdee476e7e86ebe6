#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "exchange/paper/market/source.h"

namespace quantum::paper {

struct Kline {
  int64_t open_time = 0;   // ms
  int64_t close_time = 0;  // ms, the last one inside
  Decimal open;
  Decimal high;
  Decimal low;
  Decimal close;
  Decimal volume;  // base
  Decimal quote_volume;
  Decimal taker_buy;  // base
  Decimal taker_buy_quote;
  int64_t first_trade_id = -1;
  int64_t last_trade_id = -1;
  int64_t trades = 0;
};

// "5s" is this exchange's own; the others are Binance's. Zero for an interval it does not serve.
int64_t IntervalMs(std::string_view interval);
inline constexpr std::string_view kIntervals[] = {"5s", "1m", "5m", "15m"};

// Candlesticks of one symbol and interval, built from trades. An interval without trades gets a flat candle at the last
// close, as on Binance. Keeps the newest kKept.
class KlineSeries {
 public:
  static constexpr size_t kKept = 1500;
  explicit KlineSeries(int64_t interval_ms) : interval_ms_(interval_ms) {}

  // Closes what ended before time_ms; the closed candles, oldest first. At most kKept candles are filled in for a time
  // without trades.
  std::vector<Kline> Advance(int64_t time_ms);
  void Add(const MarketTrade& trade);  // after Advance(trade.time_ms)
  // A closed candle of an earlier run, oldest first, before any trade.
  void Restore(const Kline& kline);
  // A closed candle of a finer series of that run: what the interrupted candle of this series had seen.
  void Absorb(const Kline& finer);

  // Closed candles and the current one that open at or after start_ms and at or before end_ms; the newest `limit` of
  // them when start_ms is absent, otherwise the oldest.
  std::vector<Kline> Select(std::optional<int64_t> start_ms, std::optional<int64_t> end_ms, size_t limit) const;
  const std::optional<Kline>& current() const { return current_; }

 private:
  Kline Opened(int64_t time_ms, Decimal price) const;

  int64_t interval_ms_;
  std::deque<Kline> closed_;
  std::optional<Kline> current_;
};

}  // namespace quantum::paper
