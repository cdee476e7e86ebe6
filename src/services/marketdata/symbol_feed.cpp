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
    OnUpdate(*update, effects);
  } else if (const auto* ticker = std::get_if<BookTicker>(&event)) {
    event_ms = ticker->event_ms;
    tick_pending_ =
        tick_pending_ || !best_ || best_->bid.price != ticker->bid.price || best_->ask.price != ticker->ask.price;
    best_ = *ticker;
  }
  market_ms_ = std::max(market_ms_, event_ms);
  for (KlineBuilder& builder : builders_) {
    Accept(builder.OnTime(event_ms), effects);
  }
  return effects;
}

void SymbolFeed::OnUpdate(const DepthUpdate& update, Effects& effects) {
  LocalBook::Verdict verdict = book_.Apply(update);
  if (verdict == LocalBook::Verdict::kGap) {
    effects.book_lost = true;
    book_.Restart();
    verdict = book_.Apply(update);
  }
  effects.book_waits = verdict == LocalBook::Verdict::kBuffered && book_.buffered() == 1;
}

void SymbolFeed::OnTrade(const MarketTrade& trade, Effects& effects) {
  if (last_trade_ && !reconnected_ && trade.trade_id <= last_trade_->trade_id) {
    return;  // a repeat
  }
  const bool missed = last_trade_ && trade.trade_id != last_trade_->trade_id + 1;
  if (missed) {
    trades_missed_ += std::max<int64_t>(trade.trade_id - last_trade_->trade_id - 1, 0);
    effects.gap =
        trading::event::Gap{.symbol = symbol_, .from = last_trade_->time_ms, .to = trade.time_ms, .source = source_};
  }
  reconnected_ = false;
  if (!last_trade_) {
    JoinKept(trade, effects);
  }
  for (KlineBuilder& builder : builders_) {
    const int64_t late_before = builder.late_trades();
    Accept(builder.OnTrade(trade, missed), effects);
    if (builder.late_trades() != late_before) {
      effects.late.push_back(builder.interval().name);
      stores_.find(builder.interval().name)->second.CountLate(builder.interval().Floor(trade.time_ms));
    }
  }
  if (trade.quantity.is_zero() && last_trade_) {
    last_trade_->trade_id = trade.trade_id;  // no trade of the market: only its id counts
    return;
  }
  last_trade_ = trade;
  tick_pending_ = tick_pending_ || !trade.quantity.is_zero();
}

void SymbolFeed::Accept(std::vector<KlineBuilder::Closed> closed, Effects& effects) {
  for (KlineBuilder::Closed& candle : closed) {
    candle.kline.source = source_;
    if (candle.complete) {
      stores_.find(candle.kline.interval)->second.Put(candle.kline);
      published_[candle.kline.interval] = candle.kline.open_time;
      effects.closed.push_back(std::move(candle.kline));
    } else if (candle.kline.interval == kMinute) {
      AddMissing(candle.kline.open_time, candle.kline.open_time + kMinuteMs);
    }
  }
}

void SymbolFeed::AddMissing(int64_t from, int64_t to) {
  for (int64_t minute = std::max(from, to - static_cast<int64_t>(kMissingMax) * kMinuteMs); minute < to;
       minute += kMinuteMs) {
    missing_.emplace(minute, 0);
  }
  while (missing_.size() > kMissingMax) {
    missing_.erase(missing_.begin());
  }
}

// The end of the newest candle that an earlier life published.
std::optional<int64_t> SymbolFeed::KeptUntil() const {
  std::optional<int64_t> until;
  for (const KlineBuilder& builder : builders_) {
    if (const auto found = published_.find(builder.interval().name); found != published_.end()) {
      until = std::max(until.value_or(0), found->second + builder.interval().ms);
    }
  }
  return until;
}

// The first trade of this life, after candles of the life before: what lies between was missed. A market whose time
// lies before them is another one: they are forgotten.
void SymbolFeed::JoinKept(const MarketTrade& first, Effects& effects) {
  const std::optional<int64_t> until = KeptUntil();
  if (!until) {
    return;
  }
  if (first.time_ms < *until) {
    for (auto& [interval, store] : stores_) {
      if (interval != kMinute) {
        store.Clear();
      }
    }
    published_.clear();
    return;
  }
  effects.gap = trading::event::Gap{.symbol = symbol_, .from = *until, .to = first.time_ms, .source = source_};
  if (const auto minute = published_.find(kMinute); minute != published_.end()) {
    AddMissing(minute->second + kMinuteMs, first.time_ms - first.time_ms % kMinuteMs);
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
          .closed = true,
          .source = source_};
}

SymbolFeed::Backfill SymbolFeed::OnBackfill(const std::vector<exchange::Candle>& candles, int refusals_max) {
  Backfill result;
  if (candles.empty()) {
    return result;
  }
  CandleStore& store = stores_.find(kMinute)->second;
  for (const exchange::Candle& candle : candles) {
    // A minute that is not over yet is in the answer as far as it went.
    const bool over = candle.open_time + kMinuteMs <= market_ms_;
    if (over && missing_.erase(candle.open_time) > 0) {
      result.filled.push_back(ToKline(candle));
      store.Put(result.filled.back());
      int64_t& published = published_[std::string(kMinute)];
      published = std::max(published, candle.open_time);
    }
  }
  const int64_t newest = candles.back().open_time;
  for (auto minute = missing_.begin(); minute != missing_.end() && minute->first < newest;) {
    if (++minute->second >= refusals_max) {
      result.given_up.push_back(minute->first);
      minute = missing_.erase(minute);
    } else {
      ++minute;
    }
  }
  return result;
}

void SymbolFeed::OnKept(std::vector<Kline> candles) {
  std::sort(candles.begin(), candles.end(), [](const Kline& a, const Kline& b) { return a.open_time < b.open_time; });
  for (const Kline& candle : candles) {
    const auto store = stores_.find(candle.interval);
    if (candle.symbol != symbol_ || !candle.closed || store == stores_.end()) {
      continue;
    }
    if (const auto before = published_.find(candle.interval);
        before != published_.end() && candle.interval == kMinute) {
      AddMissing(before->second + kMinuteMs, candle.open_time);
    }
    store->second.Put(candle);
    published_[candle.interval] = candle.open_time;
  }
}

std::vector<Kline> SymbolFeed::Keep(size_t candles_max) const {
  std::vector<Kline> kept;
  for (const auto& [interval, store] : stores_) {
    for (Kline& candle : store.Latest(interval == kMinute ? kMinutesKept : candles_max)) {
      kept.push_back(std::move(candle));
    }
  }
  return kept;
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

std::optional<trading::event::Tick> SymbolFeed::TakeTick(SteadyTime now) {
  const bool arrived = last_arrival_ && (!last_tick_ || *last_arrival_ > *last_tick_);
  const bool due = arrived && (!last_tick_ || now - *last_tick_ >= kTickPause);
  if (!last_trade_ || !(tick_pending_ || due)) {
    return std::nullopt;
  }
  tick_pending_ = false;
  last_tick_ = now;
  const std::optional<Price> newest = price();
  trading::event::Tick tick{.symbol = symbol_,
                            .price = last_trade_->price,
                            .quantity = last_trade_->quantity,
                            .mark_price = mark_,
                            .trade_id = last_trade_->trade_id,
                            .time_ms = market_ms_,
                            .source = source_};
  if (newest->bid && newest->ask) {
    tick.bid = newest->bid->price;
    tick.ask = newest->ask->price;
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
      std::optional<Kline> current = builder.current();
      if (current) {
        current->source = source_;
      }
      return current;
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
