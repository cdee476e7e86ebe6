#pragma once

#include <cstdint>

#include "exchange/paper/market/kline.h"

namespace quantum::paper {

// The last 24 hours of a symbol, as far as its candles of a minute reach: the window begins with a minute, as Binance's
// does, or with the market.
struct DayTicker {
  Kline day;  // open_time: of the window; close_time: now. Without a trade in it: flat at the last price
  Decimal last_quantity;
  Decimal change;          // of the price
  Decimal change_percent;  // of the price
  Decimal average;         // weighted by volume; the last price when there was no trade
};

inline constexpr int64_t kDayMs = 86'400'000;

DayTicker MakeDayTicker(const KlineSeries& minutes, Decimal last_quantity, int64_t now_ms);

}  // namespace quantum::paper
