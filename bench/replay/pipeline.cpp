#include "bench/replay/pipeline.h"

#include <map>
#include <optional>

#include "exchange/binance/decode_market.h"
#include "services/ai_engine/ensemble.h"
#include "services/marketdata/symbol_feed.h"

namespace quantum::bench {
namespace {

constexpr std::string_view kTimeframe = "5s";  // as ai-engine has it in mode PAPER

marketdata::FeedOptions PaperFeed() { return {.intervals = {{"5s", 5'000}, {"1m", 60'000}}}; }

ai_engine::Bar ToBar(const trading::event::Kline& kline) {
  return {.open = kline.open.ToDouble(),
          .high = kline.high.ToDouble(),
          .low = kline.low.ToDouble(),
          .close = kline.close.ToDouble(),
          .volume = kline.volume.ToDouble(),
          .taker_buy = kline.taker_buy.ToDouble()};
}

struct Symbol {
  explicit Symbol(const std::string& name) : feed(name, PaperFeed()) { feed.OnConnected(); }
  marketdata::SymbolFeed feed;
  ai_engine::Ensemble ensemble;
};

class Pipeline {
 public:
  explicit Pipeline(const std::vector<std::string>& symbols) {
    for (const std::string& symbol : symbols) {
      symbols_.emplace(symbol, symbol);
    }
  }

  void OnSnapshot(const std::string& symbol, const exchange::DepthSnapshot& snapshot) {
    exchange::LocalBook& book = symbols_.find(symbol)->second.feed.book();
    if (book.state() == exchange::LocalBook::State::kBuffering && !book.Load(snapshot).ok()) {
      ++work_.errors;
    }
  }

  void OnFrame(std::string_view frame) {
    const Result<const exchange::MarketEvent*> event = decoder_.Decode(frame);
    if (!event.ok() || *event == nullptr) {
      ++work_.errors;
      return;
    }
    const std::string& name = std::visit([](const auto& each) -> const std::string& { return each.symbol; }, **event);
    const auto symbol = symbols_.find(name);
    if (symbol == symbols_.end()) {
      ++work_.errors;
      return;
    }
    ++work_.events;
    Feed(symbol->second, **event);
  }

  const Work& work() const { return work_; }

 private:
  void Feed(Symbol& symbol, const exchange::MarketEvent& event) {
    const marketdata::Effects effects = symbol.feed.OnEvent(event, SystemClock().Steady());
    work_.trades += std::holds_alternative<exchange::MarketTrade>(event) ? 1 : 0;
    work_.book_updates += std::holds_alternative<exchange::DepthUpdate>(event) && symbol.feed.book().synced() ? 1 : 0;
    work_.errors += effects.book_lost ? 1 : 0;
    work_.gaps += effects.gap ? 1 : 0;
    for (const trading::event::Kline& kline : effects.closed) {
      ++work_.bars;
      if (kline.interval == kTimeframe) {
        const std::optional<ai_engine::Assessment> assessment = symbol.ensemble.Update(ToBar(kline));
        work_.assessments += assessment ? 1 : 0;
        work_.signals += assessment && !assessment->votes.empty() ? 1 : 0;
      }
    }
  }

  binance::MarketDecoder decoder_;
  std::map<std::string, Symbol, std::less<>> symbols_;
  Work work_;
};

}  // namespace

Work Replay(const Frames& frames) {
  Pipeline pipeline(frames.symbols());
  for (const Frames::Frame& frame : frames.frames()) {
    if (frame.text.empty()) {
      pipeline.OnSnapshot(frames.symbols()[frame.symbol_index], frames.snapshots()[frame.snapshot]);
    } else {
      pipeline.OnFrame(frame.text);
    }
  }
  return pipeline.work();
}

}  // namespace quantum::bench
