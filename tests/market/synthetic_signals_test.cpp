#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "exchange/paper/market/synthetic_source.h"
#include "services/ai_engine/strategy.h"
#include "services/ai_engine/symbol_engine.h"
#include "services/marketdata/symbol_feed.h"

// The default market, played through the code of marketdata (candles) and ai-engine (features, ensemble, strategy) as a
// plain `quantum up` does: it must have something to say to the rule models. Whether they win is nobody's business
// here.
namespace quantum {
namespace {

using trading::operator""_dec;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kWarmUpMs = 30 * 60'000;  // PaperOptions::warmup: played before anybody listens
constexpr int64_t kPlayedMs = 3'600'000;
constexpr int64_t kBarMs = 5'000;

struct Heard {
  std::map<std::string, int> votes;  // "trend BUY"
  int assessments = 0;
  int actions = 0;  // the ensemble says buy or sell
  int wishes = 0;   // … and the expected move pays the costs
  std::optional<int64_t> first_wish_ms;
};

// One symbol's way from the market to a wish. It holds no position, so that every wish is one to enter.
class Listener {
 public:
  explicit Listener(const std::string& symbol)
      : feed_(symbol, {.intervals = {{"5s", kBarMs}}}),
        engine_({}, kBarMs),
        strategy_(ai_engine::MakeEnsembleStrategy({})) {
    feed_.OnConnected();
  }

  void Hear(const exchange::MarketEvent& event, int64_t time_ms) {
    const SteadyTime now{std::chrono::milliseconds(time_ms)};
    const marketdata::Effects effects = feed_.OnEvent(event, now);
    if (const auto tick = feed_.TakeTick(now); tick && tick->bid && tick->ask) {
      state_.price = tick->price;
      state_.spread = (*tick->ask - *tick->bid).ToDouble() / tick->price.ToDouble();
    }
    for (const trading::event::Kline& kline : effects.closed) {
      Take(kline, now);
    }
  }
  const Heard& heard() const { return heard_; }

 private:
  void Take(const trading::event::Kline& kline, SteadyTime now) {
    engine_.OnBar({kline.open_time,
                   {.open = kline.open.ToDouble(),
                    .high = kline.high.ToDouble(),
                    .low = kline.low.ToDouble(),
                    .close = kline.close.ToDouble(),
                    .volume = kline.volume.ToDouble(),
                    .taker_buy = kline.taker_buy.ToDouble()}});
    if (!engine_.last()) {
      return;
    }
    ++heard_.assessments;
    for (const trading::event::Vote& vote : engine_.last()->votes) {
      ++heard_.votes[vote.model + (vote.signal > 0 ? " BUY" : " SELL")];
    }
    heard_.actions += engine_.last()->action != 0 ? 1 : 0;
    if (strategy_->OnBar(kline.symbol, *engine_.last(), *engine_.ensemble().last(), state_, now)) {
      ++heard_.wishes;
      if (!heard_.first_wish_ms) {
        heard_.first_wish_ms = kline.open_time + kBarMs;
      }
    }
  }

  marketdata::SymbolFeed feed_;
  ai_engine::SymbolEngine engine_;
  std::unique_ptr<ai_engine::Strategy> strategy_;
  ai_engine::SymbolState state_;
  Heard heard_;
};

std::map<std::string, Heard> Listen(uint64_t seed, int64_t for_ms) {
  paper::SyntheticOptions options;
  options.seed = seed;
  options.rate = 1;  // as PaperOptions has it
  options.start_ms = kStartMs - kWarmUpMs;
  options.symbols = {{"BTCUSDT", "0.1"_dec, "0.001"_dec, 0, 1}, {"ETHUSDT", "0.01"_dec, "0.001"_dec, 0, 1}};
  const auto source = paper::SyntheticSource::Create(options);
  EXPECT_TRUE(source.ok());
  std::map<std::string, Listener> listeners;
  for (const paper::SyntheticStart& start : options.symbols) {
    listeners.emplace(start.symbol, start.symbol);
  }
  while (true) {
    const auto next = (*source)->Next();
    EXPECT_TRUE(next.ok() && *next);
    const paper::SourceEvent& event = **next;
    if (event.time_ms >= kStartMs + for_ms) {
      break;
    }
    if (event.time_ms < kStartMs) {
      continue;
    }
    // Candles and prices come from trades and best prices; the book is not asked.
    if (const auto* trade = std::get_if<exchange::MarketTrade>(&event.what)) {
      listeners.at(trade->symbol).Hear(*trade, event.time_ms);
    } else if (const auto* ticker = std::get_if<exchange::BookTicker>(&event.what)) {
      listeners.at(ticker->symbol).Hear(*ticker, event.time_ms);
    }
  }
  std::map<std::string, Heard> heard;
  for (const auto& [symbol, listener] : listeners) {
    heard[symbol] = listener.heard();
  }
  return heard;
}

TEST(SyntheticMarket, HasRegimesInWhichBothModelsVoteInBothDirectionsAndDecisionsPass) {
  for (const auto& [symbol, heard] : Listen(1, kPlayedMs)) {
    SCOPED_TRACE(symbol);
    fmt::print("{}: of {} bars {} with an action, {} of these pay the costs; the first {} s after the start\n", symbol,
               heard.assessments, heard.actions, heard.wishes,
               heard.first_wish_ms ? (*heard.first_wish_ms - kStartMs) / 1000 : -1);
    for (const char* vote : {"trend BUY", "trend SELL", "mean_reversion BUY", "mean_reversion SELL"}) {
      EXPECT_GE(heard.votes.contains(vote) ? heard.votes.at(vote) : 0, 5) << vote;
    }
    EXPECT_GE(heard.wishes, 10);
    ASSERT_TRUE(heard.first_wish_ms);
    EXPECT_LT(*heard.first_wish_ms - kStartMs, 15 * 60'000);  // docs/runbook.md tells of it
  }
}

}  // namespace
}  // namespace quantum
