#include "exchange/paper/protocol/market_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace quantum::paper {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

MarketStreams::MarketStreams(const std::vector<std::string>& symbols, StreamSink& sink) : sink_(sink) {
  for (const std::string& name : symbols) {
    Symbol& symbol = symbols_[name];
    symbol.rules = FindRules(name);
    QUANTUM_ASSERT(symbol.rules != nullptr);
    symbol.name = Lower(name);
    for (const auto& [period_ms, suffix] : {std::pair{100, "@100ms"}, std::pair{250, ""}, std::pair{500, "@500ms"}}) {
      DepthWindow window;
      window.period_ms = period_ms;
      window.stream = symbol.name + "@depth" + suffix;
      symbol.depths.push_back(std::move(window));
      for (size_t levels : {5, 10, 20}) {
        symbol.tops.push_back({levels, period_ms, fmt::format("{}@depth{}{}", symbol.name, levels, suffix), 0, 0});
      }
    }
    for (std::string_view interval : kIntervals) {
      Series series{interval, KlineSeries(IntervalMs(interval)), {}};
      const auto tell = [&](std::string_view told) {
        series.streams.push_back({told, fmt::format("{}@kline_{}", symbol.name, told), IntervalMs(told), 0, false});
      };
      tell(interval);
      for (const FoldedInterval& folded : kFoldedIntervals) {
        if (folded.from == interval) {
          tell(folded.name);
        }
      }
      symbol.series.push_back(std::move(series));
    }
  }
}

void MarketStreams::Send(const std::string& stream, std::string payload) { sink_.Publish(stream, std::move(payload)); }

void MarketStreams::OnEvent(const SourceEvent& event, bool silent) {
  const auto find = [this](const std::string& name) -> Symbol* {
    const auto found = symbols_.find(name);
    return found == symbols_.end() ? nullptr : &found->second;
  };
  if (const auto* trade = std::get_if<MarketTrade>(&event.what)) {
    if (Symbol* symbol = find(trade->symbol)) {
      OnTrade(*symbol, *trade, silent);
    }
  } else if (const auto* ticker = std::get_if<BookTicker>(&event.what)) {
    if (Symbol* symbol = find(ticker->symbol)) {
      for (const std::string& stream : {symbol->name + "@bookTicker", std::string("!bookTicker")}) {
        if (!silent && sink_.Wanted(stream)) {
          Send(stream, EncodeBookTicker(*symbol->rules, *ticker));
        }
      }
    }
  } else if (const auto* update = std::get_if<DepthUpdate>(&event.what)) {
    Symbol* symbol = find(update->symbol);
    if (symbol != nullptr && update->last_update_id > symbol->depth_id) {
      if (!silent) {
        OnDepth(*symbol, *update);
      }
      symbol->depth_id = update->last_update_id;
    }
  } else if (const auto* reset = std::get_if<BookReset>(&event.what)) {
    if (Symbol* symbol = find(reset->symbol)) {
      symbol->depth_id = reset->snapshot.last_update_id;
    }
  }
}

void MarketStreams::OnTrade(Symbol& symbol, const MarketTrade& trade, bool silent) {
  for (Series& series : symbol.series) {
    series.klines.Add(trade);
    for (KlineStream& stream : series.streams) {
      stream.changed = true;
    }
  }
  const std::optional<AggregateTrade> complete = symbol.tape.Add(trade);
  symbol.traded = true;
  if (silent) {
    return;
  }
  const std::string stream = symbol.name + "@trade";
  if (sink_.Wanted(stream)) {
    Send(stream, EncodeTrade(*symbol.rules, trade));
  }
  SendAggregate(symbol, complete);
}

void MarketStreams::SendAggregate(const Symbol& symbol, const std::optional<AggregateTrade>& aggregate) {
  const std::string stream = symbol.name + "@aggTrade";
  if (aggregate && sink_.Wanted(stream)) {
    Send(stream, EncodeAggregateTrade(*symbol.rules, *aggregate));
  }
}

void MarketStreams::OnDepth(Symbol& symbol, const DepthUpdate& update) {
  const std::string stream = symbol.name + "@depth@0ms";
  if (sink_.Wanted(stream)) {
    DepthUpdate sent = update;
    sent.previous_update_id = sent.first_update_id = symbol.depth_id;
    Send(stream, EncodeDepth(*symbol.rules, sent));
  }
  for (DepthWindow& window : symbol.depths) {
    if (!window.pending) {
      window.opened_ms = update.event_ms;
      window.pending = DepthUpdate{update.symbol, symbol.depth_id, 0, symbol.depth_id, 0, {}, {}};
    }
    window.pending->last_update_id = update.last_update_id;
    window.pending->event_ms = update.event_ms;
    if (!sink_.Wanted(window.stream)) {
      window.pending.reset();
      window.bids.clear();
      window.asks.clear();
      continue;
    }
    for (const PriceLevel& level : update.bids) {
      window.bids[level.price] = level.quantity;
    }
    for (const PriceLevel& level : update.asks) {
      window.asks[level.price] = level.quantity;
    }
    if (update.event_ms - window.opened_ms >= window.period_ms) {
      FlushDepth(symbol, window);
    }
  }
}

void MarketStreams::FlushDepth(Symbol& symbol, DepthWindow& window) {
  const auto take = [](std::map<Decimal, Decimal>& from, std::vector<PriceLevel>& to) {
    for (const auto& [price, quantity] : from) {
      to.push_back({price, quantity});
    }
    from.clear();
  };
  take(window.bids, window.pending->bids);
  take(window.asks, window.pending->asks);
  Send(window.stream, EncodeDepth(*symbol.rules, *window.pending));
  window.pending.reset();
}

void MarketStreams::Finish(int64_t now_ms) {
  for (auto& [name, symbol] : symbols_) {
    SendAggregate(symbol, symbol.tape.Complete(now_ms, true));
    for (DepthWindow& window : symbol.depths) {
      if (window.pending) {
        FlushDepth(symbol, window);
      }
    }
  }
}

void MarketStreams::Restore(const ClosedKline& kline) {
  const auto found = symbols_.find(kline.symbol);
  if (found == symbols_.end()) {
    return;
  }
  for (Series& series : found->second.series) {
    if (series.interval == kline.interval) {
      series.klines.Restore(kline.kline);
    } else if (kline.interval == kIntervals[0]) {
      series.klines.Absorb(kline.kline);
    }
  }
}

const MarketStreams::Series& MarketStreams::SeriesOf(const Symbol& symbol, std::string_view interval) const {
  const auto tells = [&](const Series& series) {
    return std::any_of(series.streams.begin(), series.streams.end(),
                       [&](const KlineStream& told) { return told.interval == interval; });
  };
  const auto found = std::find_if(symbol.series.begin(), symbol.series.end(), tells);
  QUANTUM_ASSERT(found != symbol.series.end());
  return *found;
}

std::vector<Kline> MarketStreams::klines(const std::string& symbol, std::string_view interval) const {
  const Series& series = SeriesOf(symbols_.at(symbol), interval);
  return series.interval == interval ? series.klines.Since(0) : series.klines.Folded(IntervalMs(interval));
}

DayTicker MarketStreams::DayOf(const Symbol& symbol) const {
  const std::deque<MarketTrade>& trades = symbol.tape.trades();
  return MakeDayTicker(SeriesOf(symbol, "1m").klines, trades.empty() ? Decimal() : trades.back().quantity, now_ms_);
}

std::optional<DayTicker> MarketStreams::day(const std::string& symbol) const {
  const Symbol& of = symbols_.at(symbol);
  return SeriesOf(of, "1m").klines.current() ? std::optional(DayOf(of)) : std::nullopt;
}

}  // namespace quantum::paper
