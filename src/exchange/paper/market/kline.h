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

// What is kept. "5s" is this exchange's own; the others are Binance's.
inline constexpr std::string_view kIntervals[] = {"5s", "1m", "5m", "15m"};

// What is told by those that are kept. Binance's 3d, 1w and 1M are longer than what is kept can tell.
struct FoldedInterval {
  std::string_view name;
  std::string_view from;  // one of kIntervals, which divides it
};
inline constexpr FoldedInterval kFoldedIntervals[] = {{"3m", "1m"},  {"30m", "15m"}, {"1h", "15m"},
                                                      {"2h", "15m"}, {"4h", "15m"},  {"6h", "15m"},
                                                      {"8h", "15m"}, {"12h", "15m"}, {"1d", "15m"}};

// Zero for an interval of neither kind.
int64_t IntervalMs(std::string_view interval);

// Adds a later candle to a candle. A sum that leaves the range of Decimal stays at its end.
void Extend(Kline& kline, const Kline& later);
// The candles of a coarser interval, from those of a finer one that divides it, oldest first. The first and the last
// tell what those that are given tell.
std::vector<Kline> Fold(const std::vector<Kline>& finer, int64_t interval_ms);
// Those that open at or after start_ms and at or before end_ms; the newest `limit` of them when start_ms is absent,
// otherwise the oldest.
std::vector<Kline> Select(std::vector<Kline> klines, std::optional<int64_t> start_ms, std::optional<int64_t> end_ms,
                          size_t limit);

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

  // Closed candles and the current one that open at or after start_ms, oldest first.
  std::vector<Kline> Since(int64_t start_ms) const;
  // All of them as candles of a coarser interval; one whose beginning is kept no longer is left out.
  std::vector<Kline> Folded(int64_t interval_ms) const;
  const std::optional<Kline>& current() const { return current_; }

 private:
  Kline Opened(int64_t time_ms, Decimal price) const;

  int64_t interval_ms_;
  std::deque<Kline> closed_;
  std::optional<Kline> current_;
};

}  // namespace quantum::paper
