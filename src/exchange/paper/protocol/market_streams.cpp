#include "exchange/paper/protocol/market_streams.h"

#include <algorithm>
#include <cctype>

namespace quantum::paper {
namespace {

constexpr int64_t kKlinePushMs = 250;
constexpr int64_t kAggregateMs = 100;  // fills of one order at one price within so long are one aggTrade

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
    for (const auto& [period_ms, suffix] :
         {std::pair{100, "@depth@100ms"}, std::pair{250, "@depth"}, std::pair{500, "@depth@500ms"}}) {
      DepthWindow window;
      window.period_ms = period_ms;
      window.stream = symbol.name + suffix;
      symbol.depths.push_back(std::move(window));
    }
    for (std::string_view interval : kIntervals) {
      symbol.series.push_back(
          {interval, symbol.name + "@kline_" + std::string(interval), KlineSeries(IntervalMs(interval)), 0, false});
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
      symbol->ticker = *ticker;
      const std::string stream = symbol->name + "@bookTicker";
      if (!silent && sink_.Wanted(stream)) {
        Send(stream, EncodeBookTicker(*symbol->rules, *ticker));
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
    series.changed = true;
  }
  symbol.last_trade = trade;
  if (silent) {
    return;
  }
  const std::string stream = symbol.name + "@trade";
  if (sink_.Wanted(stream)) {
    Send(stream, EncodeTrade(*symbol.rules, trade));
  }
  std::optional<AggregateTrade>& aggregate = symbol.aggregate;
  if (aggregate && (aggregate->price != trade.price || aggregate->buyer_is_maker != trade.buyer_is_maker ||
                    trade.time_ms - aggregate->time_ms >= kAggregateMs)) {
    FlushAggregate(symbol, trade.event_ms);
  }
  if (aggregate) {
    aggregate->quantity += trade.quantity;
    aggregate->last_trade_id = trade.trade_id;
  } else {
    aggregate = AggregateTrade{symbol.next_aggregate_id++,
                               trade.price,
                               trade.quantity,
                               trade.trade_id,
                               trade.trade_id,
                               trade.time_ms,
                               trade.event_ms,
                               trade.buyer_is_maker};
  }
}

void MarketStreams::FlushAggregate(Symbol& symbol, int64_t now_ms) {
  const std::string stream = symbol.name + "@aggTrade";
  symbol.aggregate->event_ms = now_ms;
  if (sink_.Wanted(stream)) {
    Send(stream, EncodeAggregateTrade(*symbol.rules, *symbol.aggregate));
  }
  symbol.aggregate.reset();
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

void MarketStreams::PublishMark(Symbol& symbol, const Engine& engine, int64_t now_ms) {
  const int64_t second = now_ms / 1000;
  if (second == symbol.mark_second) {
    return;
  }
  symbol.mark_second = second;
  const SymbolMarket* market = engine.market(symbol.rules->rules.symbol);
  if (market == nullptr || !market->ready()) {
    return;
  }
  for (const auto& [suffix, period] : {std::pair{"@markPrice@1s", 1}, std::pair{"@markPrice", 3}}) {
    const std::string stream = symbol.name + suffix;
    if (second % period == 0 && sink_.Wanted(stream)) {
      Send(stream, EncodeMarkPrice(*symbol.rules, market->mark_price(), engine.FundingRate(symbol.rules->rules.symbol),
                                   now_ms, engine.NextFundingMs(now_ms)));
    }
  }
}

std::vector<MarketStreams::ClosedKline> MarketStreams::OnTime(int64_t now_ms, const Engine& engine, bool silent) {
  std::vector<ClosedKline> all;
  for (auto& [name, symbol] : symbols_) {
    for (Series& series : symbol.series) {
      const bool wanted = !silent && sink_.Wanted(series.stream);
      for (Kline& closed : series.klines.Advance(now_ms)) {
        if (wanted) {
          Send(series.stream, EncodeKlineEvent(*symbol.rules, closed, series.interval, true, now_ms));
        }
        all.push_back({name, series.interval, std::move(closed)});
      }
      if (wanted && series.changed && series.klines.current() && now_ms - series.published_ms >= kKlinePushMs) {
        series.published_ms = now_ms;
        series.changed = false;
        Send(series.stream, EncodeKlineEvent(*symbol.rules, *series.klines.current(), series.interval, false, now_ms));
      }
    }
    if (silent) {
      continue;
    }
    if (symbol.aggregate && now_ms - symbol.aggregate->time_ms >= kAggregateMs) {
      FlushAggregate(symbol, now_ms);
    }
    for (DepthWindow& window : symbol.depths) {
      if (window.pending && now_ms - window.opened_ms >= window.period_ms) {
        FlushDepth(symbol, window);
      }
    }
    PublishMark(symbol, engine, now_ms);
  }
  return all;
}

void MarketStreams::Finish(int64_t now_ms) {
  for (auto& [name, symbol] : symbols_) {
    if (symbol.aggregate) {
      FlushAggregate(symbol, now_ms);
    }
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

const KlineSeries* MarketStreams::klines(const std::string& symbol, std::string_view interval) const {
  const auto found = symbols_.find(symbol);
  if (found != symbols_.end()) {
    for (const Series& series : found->second.series) {
      if (series.interval == interval) {
        return &series.klines;
      }
    }
  }
  return nullptr;
}

std::optional<MarketTrade> MarketStreams::last_trade(const std::string& symbol) const {
  const auto found = symbols_.find(symbol);
  return found == symbols_.end() ? std::nullopt : found->second.last_trade;
}

std::optional<BookTicker> MarketStreams::ticker(const std::string& symbol) const {
  const auto found = symbols_.find(symbol);
  return found == symbols_.end() ? std::nullopt : found->second.ticker;
}

}  // namespace quantum::paper
