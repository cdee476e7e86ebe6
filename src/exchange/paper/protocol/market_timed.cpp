// What the streams tell because time has passed.
#include <fmt/format.h>

#include "exchange/paper/protocol/market_streams.h"

namespace quantum::paper {
namespace {

constexpr int64_t kKlinePushMs = 250;

}  // namespace

void MarketStreams::PublishKlines(Symbol& symbol, Series& series, const std::vector<Kline>& closed, int64_t now_ms) {
  for (KlineStream& told : series.streams) {
    const bool due = told.changed && now_ms - told.published_ms >= kKlinePushMs;
    if (!due && closed.empty()) {
      continue;
    }
    if (!sink_.Wanted(told.stream)) {
      told.published_ms = now_ms;
      continue;
    }
    const auto send = [&](int64_t open_time, bool is_closed) {
      for (const Kline& kline : Fold(series.klines.Since(open_time), told.interval_ms)) {
        if (kline.open_time == open_time) {
          Send(told.stream, EncodeKlineEvent(*symbol.rules, kline, told.interval, is_closed, now_ms));
        }
      }
    };
    for (const Kline& kline : closed) {
      if ((kline.close_time + 1) % told.interval_ms == 0) {
        send(kline.close_time + 1 - told.interval_ms, true);
      }
    }
    if (due) {
      told.published_ms = now_ms;
      told.changed = false;
      send(now_ms - now_ms % told.interval_ms, false);
    }
  }
}

void MarketStreams::PublishTops(Symbol& symbol, const Engine& engine, int64_t now_ms) {
  const Book& book = engine.market(symbol.rules->rules.symbol)->book();
  for (DepthTop& top : symbol.tops) {
    if (now_ms - top.published_ms < top.period_ms || book.last_update_id() == top.published_id || !book.ready()) {
      continue;
    }
    if (!sink_.Wanted(top.stream)) {
      top.published_ms = now_ms;
      top.published_id = 0;
      continue;
    }
    const int64_t previous_id = top.published_id == 0 ? book.last_update_id() : top.published_id;
    DepthSnapshot best = book.Snapshot(top.levels);
    Send(top.stream, EncodeDepth(*symbol.rules, {symbol.rules->rules.symbol, previous_id, best.last_update_id,
                                                 previous_id, now_ms, std::move(best.bids), std::move(best.asks)}));
    top.published_ms = now_ms;
    top.published_id = best.last_update_id;
  }
}

void MarketStreams::PublishMarks(const Engine& engine, int64_t now_ms) {
  struct All {
    const char* stream;
    const char* suffix;
    int64_t period_s;
    std::string list;
  };
  All alls[] = {{"!markPrice@arr@1s", "@markPrice@1s", 1, {}}, {"!markPrice@arr", "@markPrice", 3, {}}};
  for (All& all : alls) {
    if (second_ % all.period_s != 0) {
      continue;
    }
    const bool wanted = sink_.Wanted(all.stream);
    for (const auto& [name, symbol] : symbols_) {
      const SymbolMarket* market = engine.market(name);
      const std::string stream = symbol.name + all.suffix;
      if (market == nullptr || !market->ready() || (!wanted && !sink_.Wanted(stream))) {
        continue;
      }
      const std::string mark = EncodeMarkPrice(*symbol.rules, market->mark_price(), engine.FundingRate(name), now_ms,
                                               engine.NextFundingMs(now_ms));
      all.list += (all.list.empty() ? "" : ",") + mark;
      Send(stream, mark);
    }
    if (wanted && !all.list.empty()) {
      Send(all.stream, "[" + all.list + "]");
    }
  }
}

void MarketStreams::PublishTickers(int64_t now_ms) {
  const bool wants_mini = sink_.Wanted("!miniTicker@arr");
  const bool wants_full = sink_.Wanted("!ticker@arr");
  std::string minis;
  std::string fulls;
  for (auto& [name, symbol] : symbols_) {
    const bool traded = std::exchange(symbol.traded, false);
    const bool one =
        second_ % 2 == 0 && (sink_.Wanted(symbol.name + "@miniTicker") || sink_.Wanted(symbol.name + "@ticker"));
    if (!SeriesOf(symbol, "1m").klines.current() || (!one && !(traded && (wants_mini || wants_full)))) {
      continue;
    }
    const DayTicker day = DayOf(symbol);
    const std::string mini = EncodeMiniTicker(*symbol.rules, day, now_ms);
    const std::string full = EncodeDayTicker(*symbol.rules, day, now_ms);
    if (one) {
      Send(symbol.name + "@miniTicker", mini);
      Send(symbol.name + "@ticker", full);
    }
    if (traded) {
      minis += (minis.empty() ? "" : ",") + mini;
      fulls += (fulls.empty() ? "" : ",") + full;
    }
  }
  if (!minis.empty()) {
    Send("!miniTicker@arr", "[" + minis + "]");
    Send("!ticker@arr", "[" + fulls + "]");
  }
}

std::vector<MarketStreams::ClosedKline> MarketStreams::OnTime(int64_t now_ms, const Engine& engine, bool silent) {
  now_ms_ = now_ms;
  std::vector<ClosedKline> all;
  for (auto& [name, symbol] : symbols_) {
    for (Series& series : symbol.series) {
      std::vector<Kline> closed = series.klines.Advance(now_ms);
      if (!silent) {
        PublishKlines(symbol, series, closed, now_ms);
      }
      for (Kline& kline : closed) {
        all.push_back({name, series.interval, std::move(kline)});
      }
    }
    const std::optional<AggregateTrade> aggregate = symbol.tape.Complete(now_ms);
    if (silent) {
      continue;
    }
    SendAggregate(symbol, aggregate);
    for (DepthWindow& window : symbol.depths) {
      if (window.pending && now_ms - window.opened_ms >= window.period_ms) {
        FlushDepth(symbol, window);
      }
    }
    PublishTops(symbol, engine, now_ms);
  }
  if (!silent && now_ms / 1000 != second_) {
    second_ = now_ms / 1000;
    PublishMarks(engine, now_ms);
    PublishTickers(now_ms);
  }
  return all;
}

}  // namespace quantum::paper
