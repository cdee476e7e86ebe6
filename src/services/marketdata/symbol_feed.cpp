#include "services/marketdata/symbol_feed.h"

#include <algorithm>

namespace quantum::marketdata {

using exchange::BookTicker;
using exchange::DepthUpdate;
using exchange::LocalBook;
using exchange::MarketTrade;
using exchange::MarkPrice;
using trading::event::Kline;

SymbolFeed::SymbolFeed(std::string symbol, FeedOptions options)
    : symbol_(std::move(symbol)), options_(std::move(options)) {
  for (const Interval& interval : options_.intervals) {
    builders_.emplace_back(symbol_, interval);
    stores_.emplace(interval.name, CandleStore(options_.candles_max));
  }
  stores_.emplace(std::string(kMinute), CandleStore(options_.candles_max));
}

void SymbolFeed::OnConnected() {
  book_.Restart();
  best_.reset();
  reconnected_ = true;
}

Effects SymbolFeed::OnEvent(const exchange::MarketEvent& event, SteadyTime now) {
  Effects effects;
  if (const auto* mark = std::get_if<MarkPrice>(&event)) {
    mark_ = mark->mark_price;  // on a connection of its own: says nothing of how fresh trades and book are
    return effects;
  }
  last_arrival_ = now;
  if (const auto* trade = std::get_if<MarketTrade>(&event)) {
    market_ms_ = std::max(market_ms_, trade->time_ms);
    OnTrade(*trade, effects);
    return effects;
  }
  int64_t event_ms = 0;
  if (const auto* update = std::get_if<DepthUpdate>(&event)) {
    event_ms = update->event_ms;
    effects.book_lost = book_.state() != LocalBook::State::kGap && book_.Apply(*update) == LocalBook::Verdict::kGap;
  } else if (const auto* ticker = std::get_if<BookTicker>(&event)) {
    event_ms = ticker->event_ms;
    best_ = *ticker;
  }
  market_ms_ = std::max(market_ms_, event_ms);
  for (KlineBuilder& builder : builders_) {
    Accept(builder.OnTime(event_ms), effects);
  }
  return effects;
}

void SymbolFeed::OnTrade(const MarketTrade& trade, Effects& effects) {
  if (last_trade_ && !reconnected_ && trade.trade_id <= last_trade_->trade_id) {
    return;  // a repeat
  }
  const bool missed = last_trade_ && trade.trade_id != last_trade_->trade_id + 1;
  if (missed) {
    trades_missed_ += std::max<int64_t>(trade.trade_id - last_trade_->trade_id - 1, 0);
    effects.gap =
        trading::event::Gap{.symbol = symbol_, .from = last_trade_->time_ms, .to = trade.time_ms, .filled = false};
  }
  reconnected_ = false;
  for (KlineBuilder& builder : builders_) {
    Accept(builder.OnTrade(trade, missed), effects);
  }
  if (trade.quantity.is_zero() && last_trade_) {
    last_trade_->trade_id = trade.trade_id;  // no trade of the market: only its id counts
    return;
  }
  last_trade_ = trade;
  tick_pending_ = !trade.quantity.is_zero();
}

void SymbolFeed::Accept(std::vector<KlineBuilder::Closed> closed, Effects& effects) {
  for (KlineBuilder::Closed& candle : closed) {
    if (candle.complete) {
      stores_.find(candle.kline.interval)->second.Put(candle.kline);
      effects.closed.push_back(std::move(candle.kline));
    } else if (candle.kline.interval == kMinute) {
      missing_.emplace(candle.kline.open_time, 0);
    }
  }
}

Kline SymbolFeed::ToKline(const exchange::Candle& candle) const {
  return {.symbol = symbol_,
          .interval = std::string(kMinute),
          .open_time = candle.open_time,
          .open = candle.open,
          .high = candle.high,
          .low = candle.low,
          .close = candle.close,
          .volume = candle.volume,
          .trades = candle.trades,
          .taker_buy = candle.taker_buy,
          .closed = true};
}

std::vector<Kline> SymbolFeed::OnBackfill(const std::vector<exchange::Candle>& candles) {
  std::vector<Kline> filled;
  CandleStore& store = stores_.find(kMinute)->second;
  for (const exchange::Candle& candle : candles) {
    if (missing_.erase(candle.open_time) > 0) {
      filled.push_back(ToKline(candle));
      store.Put(filled.back());
    }
  }
  return filled;
}

std::vector<int64_t> SymbolFeed::CountAttempt(int attempts_max) {
  std::vector<int64_t> given_up;
  for (auto minute = missing_.begin(); minute != missing_.end();) {
    if (++minute->second >= attempts_max) {
      given_up.push_back(minute->first);
      minute = missing_.erase(minute);
    } else {
      ++minute;
    }
  }
  return given_up;
}

void SymbolFeed::OnHistory(const std::vector<exchange::Candle>& candles) {
  CandleStore& store = stores_.find(kMinute)->second;
  // The last one may still be in progress.
  for (size_t i = 0; i + 1 < candles.size(); ++i) {
    if (!store.Has(candles[i].open_time)) {
      store.Put(ToKline(candles[i]));
    }
  }
}

std::optional<trading::event::Tick> SymbolFeed::TakeTick() {
  if (!std::exchange(tick_pending_, false)) {
    return std::nullopt;
  }
  const std::optional<Price> now = price();
  trading::event::Tick tick{.symbol = symbol_,
                            .price = last_trade_->price,
                            .quantity = last_trade_->quantity,
                            .trade_id = last_trade_->trade_id,
                            .time_ms = last_trade_->time_ms};
  if (now->bid && now->ask) {
    tick.bid = now->bid->price;
    tick.ask = now->ask->price;
  }
  return tick;
}

std::optional<SymbolFeed::Price> SymbolFeed::price() const {
  if (!last_trade_) {
    return std::nullopt;
  }
  Price price{.last = last_trade_->price, .mark = mark_, .time_ms = last_trade_->time_ms};
  if (best_) {
    price.bid = best_->bid;
    price.ask = best_->ask;
  } else if (book_.synced()) {
    price.bid = book_.book().best_bid();
    price.ask = book_.book().best_ask();
  }
  return price;
}

const CandleStore* SymbolFeed::candles(std::string_view interval) const {
  const auto found = stores_.find(interval);
  return found == stores_.end() ? nullptr : &found->second;
}

std::optional<Kline> SymbolFeed::current(std::string_view interval) const {
  for (const KlineBuilder& builder : builders_) {
    if (builder.interval().name == interval) {
      return builder.current();
    }
  }
  return std::nullopt;
}

std::optional<Duration> SymbolFeed::age(SteadyTime now) const {
  return last_arrival_ ? std::optional<Duration>(now - *last_arrival_) : std::nullopt;
}

bool SymbolFeed::stale(SteadyTime now) const {
  const std::optional<Duration> since = age(now);
  return !since || *since > options_.stale_after;
}

}  // namespace quantum::marketdata
