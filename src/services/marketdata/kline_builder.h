#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exchange/venue.h"
#include "trading/events.h"
#include "trading/interval.h"

// Candles of one symbol and interval from its trades. All times are market time in ms (the venue's T and E), so a
// replay gives the same candles at any speed. No I/O and no clock.
//
// A candle is closed by the first trade at or after its end, or, when no trade comes, by any other event of the market
// whose time is kGraceMs past its end. A trade that comes after its candle was closed is counted and left out.
// An interval without trades is a candle too: its four prices are the last close, its volume is zero (as the venue's
// own klines have it). Nothing is known before the first trade. A candle is complete when no trade of it can have been
// missed: not the one in which we began to listen, nor those that a gap touches.
namespace quantum::marketdata {

using trading::Interval;
using trading::ParseInterval;

class KlineBuilder {
 public:
  static constexpr int64_t kGraceMs = 500;
  // A silence of more candles than this is no market but an outage: the builder begins anew after it.
  static constexpr int64_t kEmptyMax = 720;

  struct Closed {
    trading::event::Kline kline;
    bool complete = false;
  };

  KlineBuilder(std::string symbol, Interval interval) : symbol_(std::move(symbol)), interval_(std::move(interval)) {}

  // Trades in the order of their ids; a quantity of zero is no trade of the market. `missed_before`: trades between the
  // last one and this were missed. Returns the candles that this closes, in order.
  std::vector<Closed> OnTrade(const exchange::MarketTrade& trade, bool missed_before);
  std::vector<Closed> OnTime(int64_t market_ms);

  // The candle in progress.
  std::optional<trading::event::Kline> current() const;
  const Interval& interval() const { return interval_; }
  int64_t late_trades() const { return late_trades_; }

 private:
  void CloseUntil(int64_t open_time, std::vector<Closed>& closed);
  void Begin(int64_t open_time, trading::Decimal price);

  std::string symbol_;
  Interval interval_;
  bool begun_ = false;
  trading::event::Kline bar_;
  int64_t broken_until_ = 0;  // trades up to this time may be missing
  int64_t late_trades_ = 0;
};

}  // namespace quantum::marketdata
