#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/market/day_ticker.h"
#include "exchange/paper/market/kline.h"
#include "exchange/paper/market/tape.h"
#include "exchange/paper/protocol/encode_market.h"
#include "exchange/paper/protocol/stream_sink.h"

namespace quantum::paper {

// Turns the events of the market into the messages of Binance's streams:
//   @depth@0ms (every update as it is), @depth@100ms, @depth (250 ms), @depth@500ms, @bookTicker, @trade, @aggTrade,
//   @depth5|10|20 likewise: the best levels, when the book has changed,
//   @kline_… of every interval (at most every 250 ms, and when it closes), @markPrice@1s, @markPrice (3 s),
//   @miniTicker and @ticker (2 s), and of all symbols !bookTicker, !markPrice@arr@1s, !markPrice@arr (3 s),
//   !miniTicker@arr and !ticker@arr (1 s, the symbols that have traded since).
//
// U is published as the previous u: between two updates no other happened, so a client whose snapshot falls exactly
// between them finds its first event by the documented rule (U <= lastUpdateId <= u) even in a quiet market. (Binance's
// own U lies some ids higher, since ids are shared by all symbols.)
class MarketStreams {
 public:
  MarketStreams(const std::vector<std::string>& symbols, StreamSink& sink);

  struct ClosedKline {
    std::string symbol;
    std::string_view interval;
    Kline kline;
  };
  // An event, its times already those of the exchange. `silent`: build klines only (history before the start).
  void OnEvent(const SourceEvent& event, bool silent);
  // The market's time went on: closes klines, flushes what was aggregated. Returns the klines that closed.
  std::vector<ClosedKline> OnTime(int64_t now_ms, const Engine& engine, bool silent);
  // The market has ended: what is still being aggregated goes out.
  void Finish(int64_t now_ms);
  // A candle of an earlier run; the coarser series before the finest, from which their last ones are completed.
  void Restore(const ClosedKline& kline);

  // Oldest first; of a symbol and an interval that are served.
  std::vector<Kline> klines(const std::string& symbol, std::string_view interval) const;
  std::optional<DayTicker> day(const std::string& symbol) const;  // nothing before the first trade
  const Tape& tape(const std::string& symbol) const { return symbols_.at(symbol).tape; }

 private:
  struct DepthWindow {
    int64_t period_ms = 0;
    std::string stream;
    int64_t opened_ms = 0;
    int64_t published_id = 0;  // u of the last message
    std::optional<DepthUpdate> pending;
    std::map<Decimal, Decimal> bids;
    std::map<Decimal, Decimal> asks;
  };
  // The best levels every so often.
  struct DepthTop {
    size_t levels = 0;
    int64_t period_ms = 0;
    std::string stream;
    int64_t published_ms = 0;
    int64_t published_id = 0;
  };
  struct KlineStream {
    std::string_view interval;
    std::string stream;
    int64_t interval_ms = 0;
    int64_t published_ms = 0;
    bool changed = false;
  };
  struct Series {
    std::string_view interval;
    KlineSeries klines;
    std::vector<KlineStream> streams;  // its own, then those of the intervals that it tells
  };
  struct Symbol {
    const PaperRules* rules = nullptr;
    std::string name;  // lower case, as in stream names
    std::vector<DepthWindow> depths;
    std::vector<DepthTop> tops;
    std::vector<Series> series;
    Tape tape;
    int64_t depth_id = 0;  // u of the last update
    bool traded = false;   // since the tickers of all symbols went out
  };
  const Series& SeriesOf(const Symbol& symbol, std::string_view interval) const;
  void OnTrade(Symbol& symbol, const MarketTrade& trade, bool silent);
  void OnDepth(Symbol& symbol, const DepthUpdate& update);
  void FlushDepth(Symbol& symbol, DepthWindow& window);
  void SendAggregate(const Symbol& symbol, const std::optional<AggregateTrade>& aggregate);
  // market_timed.cpp: what time brings about.
  void PublishKlines(Symbol& symbol, Series& series, const std::vector<Kline>& closed, int64_t now_ms);
  void PublishTops(Symbol& symbol, const Engine& engine, int64_t now_ms);
  void PublishMarks(const Engine& engine, int64_t now_ms);
  void PublishTickers(int64_t now_ms);
  DayTicker DayOf(const Symbol& symbol) const;
  void Send(const std::string& stream, std::string payload);

  StreamSink& sink_;
  std::map<std::string, Symbol> symbols_;
  int64_t now_ms_ = 0;  // of the market
  int64_t second_ = 0;  // of the last marks and tickers
};

}  // namespace quantum::paper
