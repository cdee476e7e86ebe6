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
inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr size_t kMissingMax = 3000;  // minutes
inline constexpr size_t kMinutesKept = 60;
inline constexpr Duration kTickPause = std::chrono::seconds(1);

struct FeedOptions {
  std::vector<Interval> intervals;
  size_t candles_max = 2000;                       // kept per interval
  Duration stale_after = std::chrono::seconds(3);  // by the arrival of trades, depth and best prices
};

// What an event led to, for the shell to act on.
struct Effects {
  std::vector<trading::event::Kline> closed;  // complete candles, to be published
  std::optional<trading::event::Gap> gap;     // trades were missed; `filled` is false
  bool book_lost = false;                     // an update was missed: it begins anew with this one
  bool book_waits = false;                    // the first update since it began anew: a snapshot can be joined to it
  std::vector<std::string> late;              // intervals whose candle was closed before this trade came
};

class SymbolFeed {
 public:
  SymbolFeed(std::string symbol, FeedOptions options);

  // Where the market comes from: stamped on everything that goes out from here on.
  void SetSource(std::string source) { source_ = std::move(source); }
  const std::string& source() const { return source_; }

  // A new connection: the book starts anew; whether trades were missed shows in the first trade's id.
  void OnConnected();
  Effects OnEvent(const exchange::MarketEvent& event, SteadyTime now);

  exchange::LocalBook& book() { return book_; }
  const exchange::LocalBook& book() const { return book_; }

  // Minutes whose candle could not be built from trades; ask the venue once they are over. Never more than kMissingMax,
  // the newest.
  const std::map<int64_t, int>& missing_minutes() const { return missing_; }  // open time → refusals so far
  struct Backfill {
    std::vector<trading::event::Kline> filled;  // to be published
    std::vector<int64_t> given_up;
  };
  // The venue's answer to a question for `asked` minutes from its first candle on, oldest first. A minute that it
  // skips, though it has later ones, is given up after refusals_max such answers. A venue that does not answer refuses
  // nothing.
  Backfill OnBackfill(const std::vector<exchange::Candle>& candles, int refusals_max);
  // History from before the start: stored, not published.
  void OnHistory(const std::vector<exchange::Candle>& candles);

  // Candles that an earlier life published, in any order: short ones are served again (the venue cannot be asked for
  // them), and what lies between the last one and now is a gap. To be called before the first event.
  void OnKept(std::vector<trading::event::Kline> candles);
  // For the next life: the last candles, at most candles_max of each interval, and of minutes the last hour (the venue
  // has the others; holes among these are asked for again).
  std::vector<trading::event::Kline> Keep(size_t candles_max) const;

  // A tick when trade, best price or mark price changed since the last one, and at least one per kTickPause of a market
  // that is alive, so that silence means what it seems to mean.
  std::optional<trading::event::Tick> TakeTick(SteadyTime now);

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
  void OnUpdate(const exchange::DepthUpdate& update, Effects& effects);
  void OnTrade(const exchange::MarketTrade& trade, Effects& effects);
  void Accept(std::vector<KlineBuilder::Closed> closed, Effects& effects);
  void JoinKept(const exchange::MarketTrade& first, Effects& effects);
  void AddMissing(int64_t from, int64_t to);  // open times from … to, without to
  std::optional<int64_t> KeptUntil() const;
  trading::event::Kline ToKline(const exchange::Candle& candle) const;

  std::string symbol_;
  FeedOptions options_;
  std::string source_ = "unknown";
  exchange::LocalBook book_;
  std::vector<KlineBuilder> builders_;
  std::map<std::string, CandleStore, std::less<>> stores_;
  std::map<int64_t, int> missing_;
  std::optional<exchange::MarketTrade> last_trade_;
  std::optional<exchange::BookTicker> best_;
  std::optional<trading::Decimal> mark_;
  std::map<std::string, int64_t, std::less<>> published_;  // by interval: open time of the newest candle
  bool tick_pending_ = false;
  std::optional<SteadyTime> last_tick_;
  bool reconnected_ = true;  // the next trade is the first of a connection
  int64_t market_ms_ = 0;
  std::optional<SteadyTime> last_arrival_;
  int64_t trades_missed_ = 0;
};

}  // namespace quantum::marketdata
