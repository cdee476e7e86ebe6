#include "exchange/paper/market/day_ticker.h"

namespace quantum::paper {

DayTicker MakeDayTicker(const KlineSeries& minutes, Decimal last_quantity, int64_t now_ms) {
  DayTicker ticker;
  for (const Kline& minute : minutes.Since(now_ms - kDayMs)) {
    if (ticker.day.open_time == 0) {
      ticker.day = minute;
    } else {
      Extend(ticker.day, minute);
    }
  }
  ticker.day.close_time = now_ms;
  ticker.last_quantity = last_quantity;
  ticker.change = ticker.day.close - ticker.day.open;
  if (ticker.day.open.is_positive()) {
    ticker.change_percent = ticker.change.CheckedMulDiv(Decimal::FromInt(100), ticker.day.open).value_or(Decimal());
  }
  ticker.average =
      ticker.day.volume.is_positive() ? ticker.day.quote_volume.DividedBy(ticker.day.volume) : ticker.day.close;
  return ticker;
}

}  // namespace quantum::paper
