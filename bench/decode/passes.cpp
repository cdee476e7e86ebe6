#include "bench/decode/passes.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "exchange/binance/decode_market.h"
#include "exchange/book/local_book.h"
#include "platform/base/assert.h"

namespace quantum::bench {
namespace {

using Nanoseconds = std::chrono::nanoseconds;
using Steady = std::chrono::steady_clock;

int64_t Between(Steady::time_point from, Steady::time_point to) {
  return std::chrono::duration_cast<Nanoseconds>(to - from).count();
}

// What marketdata does with a frame, and nothing else.
class Feed {
 public:
  explicit Feed(const Frames& frames) : frames_(frames) {}

  void LoadSnapshotBefore(size_t index) {
    const auto found = frames_.snapshot_before.find(index);
    if (found != frames_.snapshot_before.end() && book_.state() == exchange::LocalBook::State::kBuffering) {
      (void)book_.Load(frames_.snapshots[found->second]).ok();
    }
  }

  // Null: in error.
  const exchange::MarketEvent* Take(size_t index) {
    const Result<const exchange::MarketEvent*> event = decoder_.Decode(frames_.texts[index]);
    applied_ = false;
    if (!event.ok() || *event == nullptr) {
      return nullptr;
    }
    const auto* update = std::get_if<exchange::DepthUpdate>(*event);
    applied_ = update != nullptr && book_.Apply(*update) == exchange::LocalBook::Verdict::kApplied;
    return *event;
  }
  // Whether the last frame changed the book.
  bool applied() const { return applied_; }

 private:
  const Frames& frames_;
  binance::MarketDecoder decoder_;
  exchange::LocalBook book_;
  bool applied_ = false;
};

int64_t FirstPassNs(simdjson::ondemand::parser& parser, const std::string& text) {
  simdjson::ondemand::document document;
  const auto before = Steady::now();
  const auto error = parser.iterate(text.data(), text.size(), text.capacity()).get(document);
  const auto after = Steady::now();
  QUANTUM_ASSERT(error == simdjson::SUCCESS);
  return Between(before, after);
}

Kind* KindOf(Pass& pass, const exchange::MarketEvent& event, bool applied) {
  if (applied) {
    return &pass.depth;
  }
  if (std::holds_alternative<exchange::MarketTrade>(event)) {
    return &pass.trade;
  }
  return std::holds_alternative<exchange::BookTicker>(event) ? &pass.ticker : nullptr;
}

}  // namespace

int64_t Times::At(double share) {
  if (ns_.empty()) {
    return 0;
  }
  const size_t index = std::min(ns_.size() - 1, static_cast<size_t>(share * static_cast<double>(ns_.size())));
  std::nth_element(ns_.begin(), ns_.begin() + static_cast<std::ptrdiff_t>(index), ns_.end());
  return ns_[index];
}

Pass Replay(const Frames& frames, bool each) {
  Pass pass;
  Feed feed(frames);
  std::vector<std::pair<size_t, Kind*>> timed;
  const auto begin = Steady::now();
  for (size_t i = 0; i < frames.texts.size(); ++i) {
    feed.LoadSnapshotBefore(i);
    const auto before = each ? Steady::now() : Steady::time_point();
    const exchange::MarketEvent* const event = feed.Take(i);
    const auto after = each ? Steady::now() : Steady::time_point();
    if (event == nullptr) {
      ++pass.errors;
      continue;
    }
    pass.applied += feed.applied() ? 1 : 0;
    if (Kind* const kind = each ? KindOf(pass, *event, feed.applied()) : nullptr; kind != nullptr) {
      kind->decoded.Add(Between(before, after));
      timed.emplace_back(i, kind);
    }
  }
  pass.seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  simdjson::ondemand::parser parser;  // afterwards: between two frames it would take the decoder's caches
  for (const auto& [i, kind] : timed) {
    kind->first_pass.Add(FirstPassNs(parser, frames.texts[i]));
  }
  return pass;
}

int64_t ClockCostNs() {
  Times cost;
  for (int i = 0; i < 10'000; ++i) {
    const auto before = Steady::now();
    cost.Add(Between(before, Steady::now()));
  }
  return cost.At(0.5);
}

Paced ReplayPaced(const Frames& frames, int64_t frames_per_second, int rounds) {
  Paced paced;
  const size_t count = frames.texts.size() * static_cast<size_t>(rounds);
  const double period_ns = 1e9 / static_cast<double>(frames_per_second);
  const auto begin = Steady::now();
  size_t taken = 0;
  for (int round = 0; round < rounds; ++round) {
    Feed feed(frames);
    for (size_t i = 0; i < frames.texts.size(); ++i, ++taken) {
      const auto due = begin + Nanoseconds(static_cast<int64_t>(period_ns * static_cast<double>(taken)));
      while (Steady::now() < due) {
      }
      feed.LoadSnapshotBefore(i);
      (void)feed.Take(i);
      const int64_t lag = Between(due, Steady::now());
      paced.lag.Add(lag);
      if (count - taken <= static_cast<size_t>(frames_per_second)) {
        paced.lag_last.Add(lag);
      }
    }
  }
  paced.seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  return paced;
}

}  // namespace quantum::bench
