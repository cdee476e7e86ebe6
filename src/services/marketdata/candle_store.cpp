#include "services/marketdata/candle_store.h"

#include <algorithm>

namespace quantum::marketdata {
namespace {

bool Before(const trading::event::Kline& kline, int64_t open_time) { return kline.open_time < open_time; }

}  // namespace

void CandleStore::Put(const trading::event::Kline& kline) {
  const auto at = std::lower_bound(candles_.begin(), candles_.end(), kline.open_time, Before);
  if (at != candles_.end() && at->open_time == kline.open_time) {
    *at = kline;
    return;
  }
  candles_.insert(at, kline);
  if (candles_.size() > max_) {
    candles_.pop_front();
  }
}

bool CandleStore::Has(int64_t open_time) const {
  const auto at = std::lower_bound(candles_.begin(), candles_.end(), open_time, Before);
  return at != candles_.end() && at->open_time == open_time;
}

void CandleStore::CountLate(int64_t open_time) {
  const auto at = std::lower_bound(candles_.begin(), candles_.end(), open_time, Before);
  if (at != candles_.end() && at->open_time == open_time) {
    ++at->late_trades;
  }
}

std::vector<trading::event::Kline> CandleStore::Latest(size_t limit) const {
  const size_t count = std::min(limit, candles_.size());
  return {candles_.end() - static_cast<std::ptrdiff_t>(count), candles_.end()};
}

}  // namespace quantum::marketdata
