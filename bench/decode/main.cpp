// bench-decode [--json] [FILE]: what one recorded WebSocket frame costs from text to typed event, with the local book
// updated, and how many frames a second one core sustains, compared with ten times the recorded peak.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/book/local_book.h"
#include "exchange/recording/recording.h"
#include "tests/support/checkout/checkout.h"

namespace {

using quantum::Result;
using quantum::binance::MarketDecoder;
using quantum::exchange::DepthSnapshot;
using quantum::exchange::DepthUpdate;
using quantum::exchange::LocalBook;
using quantum::exchange::MarketEvent;

using Nanoseconds = std::chrono::nanoseconds;
using SteadyClock = std::chrono::steady_clock;

// The frames are decoded from memory: reading the file is no part of the measurement.
struct Frames {
  std::vector<std::string> texts;
  std::vector<DepthSnapshot> snapshots;
  std::map<size_t, size_t> snapshot_before;  // frame index → snapshot that came before it
  int64_t peak_per_second = 0;
};

Result<Frames> Load(const std::string& path) {
  QUANTUM_TRY(quantum::exchange::Recording recording, quantum::exchange::Recording::Open(path));
  Frames frames;
  std::map<int64_t, int64_t> per_second;
  while (true) {
    QUANTUM_TRY(const auto line, recording.Next());
    if (!line) {
      break;
    }
    if (line->frame.starts_with("{\"lastUpdateId\"")) {
      QUANTUM_TRY(DepthSnapshot snapshot, quantum::binance::DecodeDepthSnapshot(line->frame));
      frames.snapshot_before[frames.texts.size()] = frames.snapshots.size();
      frames.snapshots.push_back(std::move(snapshot));
      continue;
    }
    frames.peak_per_second = std::max(frames.peak_per_second, ++per_second[line->receive_ns / 1'000'000'000]);
    frames.texts.emplace_back(line->frame);
  }
  return frames;
}

struct Times {
  std::vector<int64_t> ns;
  int64_t At(double share) {
    if (ns.empty()) {
      return 0;
    }
    const size_t index = std::min(ns.size() - 1, static_cast<size_t>(share * static_cast<double>(ns.size())));
    std::nth_element(ns.begin(), ns.begin() + static_cast<std::ptrdiff_t>(index), ns.end());
    return ns[index];
  }
};

struct Pass {
  Times trade;
  Times depth;
  Times ticker;
  size_t applied = 0;
  size_t errors = 0;
  double seconds = 0;
};

// One replay. With `each`, every frame is timed on its own (the clock's own cost is subtracted by the caller).
Pass Replay(const Frames& frames, bool each) {
  Pass pass;
  MarketDecoder decoder;
  LocalBook book;
  const auto begin = SteadyClock::now();
  for (size_t i = 0; i < frames.texts.size(); ++i) {
    if (const auto found = frames.snapshot_before.find(i); found != frames.snapshot_before.end()) {
      if (book.state() == LocalBook::State::kBuffering) {
        (void)book.Load(frames.snapshots[found->second]).ok();
      }
    }
    const auto before = each ? SteadyClock::now() : SteadyClock::time_point();
    const Result<const MarketEvent*> event = decoder.Decode(frames.texts[i]);
    if (!event.ok() || *event == nullptr) {
      ++pass.errors;
      continue;
    }
    const auto* update = std::get_if<DepthUpdate>(*event);
    const bool applied = update != nullptr && book.Apply(*update) == LocalBook::Verdict::kApplied;
    pass.applied += applied ? 1 : 0;
    if (each) {
      const int64_t ns = std::chrono::duration_cast<Nanoseconds>(SteadyClock::now() - before).count();
      if (applied) {
        pass.depth.ns.push_back(ns);
      } else if (std::holds_alternative<quantum::exchange::MarketTrade>(**event)) {
        pass.trade.ns.push_back(ns);
      } else if (std::holds_alternative<quantum::exchange::BookTicker>(**event)) {
        pass.ticker.ns.push_back(ns);
      }
    }
  }
  pass.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  return pass;
}

int64_t ClockCost() {
  Times cost;
  for (int i = 0; i < 10'000; ++i) {
    const auto before = SteadyClock::now();
    cost.ns.push_back(std::chrono::duration_cast<Nanoseconds>(SteadyClock::now() - before).count());
  }
  return cost.At(0.5);
}

struct Row {
  std::string_view name;
  size_t count;
  int64_t median_ns;
  int64_t p99_ns;
  int64_t budget_ns;  // of the median; 0: none
};

void Print(const std::vector<Row>& rows, double frames_per_second, int64_t wanted, const Pass& pass) {
  fmt::print("{:<28}{:>10}{:>12}{:>12}{:>12}\n", "frame to event", "frames", "median ns", "p99 ns", "budget ns");
  for (const Row& row : rows) {
    fmt::print("{:<28}{:>10}{:>12}{:>12}{:>12}\n", row.name, row.count, row.median_ns, row.p99_ns,
               row.budget_ns == 0 ? "-" : std::to_string(row.budget_ns));
  }
  fmt::print("sustained {:.0f} frames/s on one core, {:.1f} times ten times the recorded peak ({} frames/s)\n",
             frames_per_second, frames_per_second / static_cast<double>(wanted), wanted);
  fmt::print("updates applied to the book {}, frames in error {}\n", pass.applied, pass.errors);
}

void PrintJson(const std::vector<Row>& rows, double frames_per_second, int64_t wanted, const Pass& pass) {
  boost::json::object out;
  for (const Row& row : rows) {
    out[row.name] = {{"count", row.count}, {"median_ns", row.median_ns}, {"p99_ns", row.p99_ns}};
  }
  out["frames_per_second"] = frames_per_second;
  out["ten_times_peak"] = wanted;
  out["ratio"] = frames_per_second / static_cast<double>(wanted);
  out["updates_applied"] = pass.applied;
  out["errors"] = pass.errors;
  fmt::print("{}\n", boost::json::serialize(out));
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else {
      path = argument;
    }
  }
  if (path.empty()) {
    path = quantum::exchange::FindMarketData(quantum::checkout::SourceDirectory(), "usdm_btcusdt_20240808.gz");
  }
  if (path.empty()) {
    fmt::print(stderr, "bench-decode: no recording; name a file of recorded frames, or set QUANTUM_MARKET_DATA\n");
    return 2;
  }
  const Result<Frames> frames = Load(path);
  if (!frames.ok()) {
    fmt::print(stderr, "bench-decode: {}\n", frames.error().message);
    return 1;
  }
  Replay(*frames, false);  // warms caches and branch predictors
  const int64_t clock_ns = ClockCost();
  Pass timed = Replay(*frames, true);
  constexpr int kRounds = 5;
  double seconds = 0;
  for (int i = 0; i < kRounds; ++i) {
    seconds += Replay(*frames, false).seconds;
  }
  const double frames_per_second = static_cast<double>(frames->texts.size()) * kRounds / seconds;
  const int64_t wanted = 10 * frames->peak_per_second;
  const auto row = [&](std::string_view name, Times& times, int64_t budget_ns) {
    return Row{name, times.ns.size(), times.At(0.5) - clock_ns, times.At(0.99) - clock_ns, budget_ns};
  };
  const std::vector<Row> rows = {row("trade", timed.trade, 2'000), row("depth_with_book", timed.depth, 6'000),
                                 row("book_ticker", timed.ticker, 0)};
  (json ? PrintJson : Print)(rows, frames_per_second, wanted, timed);
  return timed.errors == 0 && timed.applied > 0 ? 0 : 1;
}
