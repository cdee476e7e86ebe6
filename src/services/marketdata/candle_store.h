#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "trading/events.h"

namespace quantum::marketdata {

// The latest closed candles of one symbol and interval, by open time, each once.
class CandleStore {
 public:
  explicit CandleStore(size_t candles_max) : max_(candles_max) {}

  // Adds the candle, or replaces the one of the same open time. The oldest go when there are too many.
  void Put(const trading::event::Kline& kline);
  bool Has(int64_t open_time) const;
  // Counts a trade that came after the candle was closed; nothing when the candle is not kept.
  void CountLate(int64_t open_time);
  void Clear() { candles_.clear(); }
  // Oldest first.
  std::vector<trading::event::Kline> Latest(size_t limit) const;
  size_t size() const { return candles_.size(); }

 private:
  size_t max_;
  std::deque<trading::event::Kline> candles_;
};

}  // namespace quantum::marketdata
