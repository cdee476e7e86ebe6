#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/market/kline.h"
#include "exchange/paper/protocol/encode_market.h"
#include "exchange/paper/protocol/stream_sink.h"

namespace quantum::paper {

// Turns the events of the market into the messages of Binance's streams:
//   @depth@0ms (every update as it is), @depth@100ms, @depth (250 ms), @depth@500ms, @bookTicker, @trade, @aggTrade,
//   @kline_5s|1m|5m|15m (at most every 250 ms, and when it closes), @markPrice@1s, @markPrice (3 s).
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

  const KlineSeries* klines(const std::string& symbol, std::string_view interval) const;
  std::optional<MarketTrade> last_trade(const std::string& symbol) const;
  std::optional<BookTicker> ticker(const std::string& symbol) const;

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
  struct Series {
    std::string_view interval;
    std::string stream;
    KlineSeries klines;
    int64_t published_ms = 0;
    bool changed = false;
  };
  struct Symbol {
    const PaperRules* rules = nullptr;
    std::string name;  // lower case, as in stream names
    std::vector<DepthWindow> depths;
    std::vector<Series> series;
    std::optional<AggregateTrade> aggregate;
    int64_t next_aggregate_id = 1;
    std::optional<MarketTrade> last_trade;
    std::optional<BookTicker> ticker;
    int64_t depth_id = 0;  // u of the last update
    int64_t mark_second = 0;
  };
  void OnTrade(Symbol& symbol, const MarketTrade& trade, bool silent);
  void OnDepth(Symbol& symbol, const DepthUpdate& update);
  void FlushDepth(Symbol& symbol, DepthWindow& window);
  void FlushAggregate(Symbol& symbol, int64_t now_ms);
  void PublishMark(Symbol& symbol, const Engine& engine, int64_t now_ms);
  void Send(const std::string& stream, std::string payload);

  StreamSink& sink_;
  std::map<std::string, Symbol> symbols_;
};

}  // namespace quantum::paper
