#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exchange/book/local_book.h"
#include "exchange/venue.h"
#include "platform/base/clock.h"
#include "services/marketdata/candle_store.h"
#include "services/marketdata/kline_builder.h"
#include "trading/events.h"

// Everything known of one symbol: book, last trade, mark price, candles, and whether it is fresh. No I/O; time by the
// steady clock as an argument.
namespace quantum::marketdata {

inline constexpr std::string_view kMinute = "1m";  // the one interval whose candles the venue can be asked for

struct FeedOptions {
  std::vector<Interval> intervals;
  size_t candles_max = 2000;                       // kept per interval
  Duration stale_after = std::chrono::seconds(3);  // by the arrival of trades, depth and best prices
};

// What an event led to, for the shell to act on.
struct Effects {
  std::vector<trading::event::Kline> closed;  // complete candles, to be published
  std::optional<trading::event::Gap> gap;     // trades were missed; `filled` is false
  bool book_lost = false;                     // a snapshot is needed
};

class SymbolFeed {
 public:
  SymbolFeed(std::string symbol, FeedOptions options);

  // A new connection: the book starts anew; whether trades were missed shows in the first trade's id.
  void OnConnected();
  Effects OnEvent(const exchange::MarketEvent& event, SteadyTime now);

  exchange::LocalBook& book() { return book_; }
  const exchange::LocalBook& book() const { return book_; }

  // Minutes whose candle could not be built from trades; ask the venue once they are over.
  const std::map<int64_t, int>& missing_minutes() const { return missing_; }  // open time → attempts so far
  // The venue's answer: candles that were missing are returned for publishing.
  std::vector<trading::event::Kline> OnBackfill(const std::vector<exchange::Candle>& candles);
  // One more attempt for these minutes was made; those that reached attempts_max are given up and returned.
  std::vector<int64_t> CountAttempt(int attempts_max);
  // History from before the start: stored, not published.
  void OnHistory(const std::vector<exchange::Candle>& candles);

  // The newest trade since the last call, for at most one tick per call.
  std::optional<trading::event::Tick> TakeTick();

  struct Price {
    trading::Decimal last;
    std::optional<exchange::PriceLevel> bid;
    std::optional<exchange::PriceLevel> ask;
    std::optional<trading::Decimal> mark;
    int64_t time_ms = 0;  // market time of the last trade
  };
  std::optional<Price> price() const;  // nothing before the first trade
  const CandleStore* candles(std::string_view interval) const;
  std::optional<trading::event::Kline> current(std::string_view interval) const;

  const std::string& symbol() const { return symbol_; }
  int64_t market_ms() const { return market_ms_; }
  std::optional<Duration> age(SteadyTime now) const;  // nothing before the first event
  bool stale(SteadyTime now) const;
  int64_t trades_missed() const { return trades_missed_; }

 private:
  void OnTrade(const exchange::MarketTrade& trade, Effects& effects);
  void Accept(std::vector<KlineBuilder::Closed> closed, Effects& effects);
  trading::event::Kline ToKline(const exchange::Candle& candle) const;

  std::string symbol_;
  FeedOptions options_;
  exchange::LocalBook book_;
  std::vector<KlineBuilder> builders_;
  std::map<std::string, CandleStore, std::less<>> stores_;
  std::map<int64_t, int> missing_;
  std::optional<exchange::MarketTrade> last_trade_;
  std::optional<exchange::BookTicker> best_;
  std::optional<trading::Decimal> mark_;
  bool tick_pending_ = false;
  bool reconnected_ = true;  // the next trade is the first of a connection
  int64_t market_ms_ = 0;
  std::optional<SteadyTime> last_arrival_;
  int64_t trades_missed_ = 0;
};

}  // namespace quantum::marketdata
