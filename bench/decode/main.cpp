// bench-decode [--json] [FILE]: what one recorded WebSocket frame costs from text to typed event, with the local book
// updated, beside simdjson's first pass over the same frame; how many frames a second one core takes; and whether it
// keeps up with ten times the recorded peak. Exit code 1 below the goal; without a recording it says so and ends with
// 0.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bench/command_line/command_line.h"
#include "bench/decode/passes.h"
#include "exchange/recording/recording.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::bench {
namespace {

constexpr int64_t kTradeBudgetNs = 2'000;
constexpr int64_t kDepthBudgetNs = 6'000;
constexpr int kRounds = 5;                 // as fast as it goes
constexpr int kPacedRounds = 3;            // some ten seconds
constexpr int64_t kKeptUpNs = 10'000'000;  // the last second's median lag of one that does not fall behind

struct Row {
  std::string_view name;
  size_t count = 0;
  int64_t median_ns = 0;
  int64_t p99_ns = 0;
  int64_t first_pass_ns = 0;  // median
  int64_t budget_ns = 0;      // of the median; 0: none

  double OfBudget() const { return static_cast<double>(median_ns) / static_cast<double>(budget_ns); }
  double OfFirstPass() const {
    return static_cast<double>(median_ns) / static_cast<double>(std::max<int64_t>(1, first_pass_ns));
  }
};

struct Report {
  std::vector<Row> rows;
  double frames_per_second = 0;
  int64_t wanted = 0;  // ten times the recorded peak
  Paced paced;
  size_t applied = 0;
  size_t errors = 0;

  double Ratio() const { return frames_per_second / static_cast<double>(wanted); }
  bool Met() {
    for (const Row& row : rows) {
      if (row.budget_ns != 0 && (row.count == 0 || row.median_ns > row.budget_ns)) {
        return false;
      }
    }
    return errors == 0 && applied > 0 && Ratio() >= 1 && paced.lag_last.At(0.5) <= kKeptUpNs;
  }
};

Report Measure(const Frames& frames) {
  Report report{.wanted = 10 * frames.peak_per_second};
  Replay(frames, false);  // warms caches and branch predictors
  const int64_t clock_ns = ClockCostNs();
  Pass timed = Replay(frames, true);
  report.applied = timed.applied;
  report.errors = timed.errors;
  const auto add = [&](std::string_view name, Kind& kind, int64_t budget_ns) {
    report.rows.push_back({name, kind.decoded.size(), kind.decoded.At(0.5) - clock_ns, kind.decoded.At(0.99) - clock_ns,
                           kind.first_pass.At(0.5) - clock_ns, budget_ns});
  };
  add("trade", timed.trade, kTradeBudgetNs);
  add("depth_with_book", timed.depth, kDepthBudgetNs);
  add("book_ticker", timed.ticker, 0);
  double seconds = 0;
  for (int i = 0; i < kRounds; ++i) {
    seconds += Replay(frames, false).seconds;
  }
  report.frames_per_second = static_cast<double>(frames.texts.size()) * kRounds / seconds;
  report.paced = ReplayPaced(frames, report.wanted, kPacedRounds);
  return report;
}

double Ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

void PrintTable(Report& report) {
  fmt::print("{:<18}{:>9}{:>11}{:>9}{:>11}{:>11}{:>20}\n", "frame to event", "frames", "median ns", "p99 ns",
             "of budget", "budget ns", "simdjson's 1st pass");
  for (const Row& row : report.rows) {
    fmt::print("{:<18}{:>9}{:>11}{:>9}{:>11}{:>11}{:>9} ns, {:>5.1f} x\n", row.name, row.count, row.median_ns,
               row.p99_ns, row.budget_ns == 0 ? "-" : fmt::format("{:.2f}", row.OfBudget()),
               row.budget_ns == 0 ? "-" : std::to_string(row.budget_ns), row.first_pass_ns, row.OfFirstPass());
  }
  fmt::print("one core takes {:.0f} frames/s, {:.1f} times ten times the recorded peak ({} frames/s)\n",
             report.frames_per_second, report.Ratio(), report.wanted);
  Paced& paced = report.paced;
  fmt::print(
      "paced at {} frames/s for {:.1f} s: lag p50 {:.3f} ms, p99 {:.3f} ms, largest {:.1f} ms; last second p50 {:.3f} "
      "ms{}\n",
      report.wanted, paced.seconds, Ms(paced.lag.At(0.5)), Ms(paced.lag.At(0.99)), Ms(paced.lag.Max()),
      Ms(paced.lag_last.At(0.5)), paced.lag_last.At(0.5) <= kKeptUpNs ? "" : ": it falls behind");
  fmt::print("updates applied to the book {}, frames in error {}\n", report.applied, report.errors);
}

void PrintJson(Report& report) {
  boost::json::object out;
  for (const Row& row : report.rows) {
    boost::json::object& each = out[row.name].emplace_object();
    each = {{"count", row.count},
            {"median_ns", row.median_ns},
            {"p99_ns", row.p99_ns},
            {"first_pass_ns", row.first_pass_ns},
            {"first_pass_ratio", row.OfFirstPass()}};
    if (row.budget_ns != 0) {
      each["budget_ratio"] = row.OfBudget();
    }
  }
  out["frames_per_second"] = report.frames_per_second;
  out["ten_times_peak"] = report.wanted;
  out["ratio"] = report.Ratio();
  out["paced"] = {{"seconds", report.paced.seconds},
                  {"lag_p50_ms", Ms(report.paced.lag.At(0.5))},
                  {"lag_p99_ms", Ms(report.paced.lag.At(0.99))},
                  {"lag_max_ms", Ms(report.paced.lag.Max())},
                  {"lag_last_second_p50_ms", Ms(report.paced.lag_last.At(0.5))}};
  out["updates_applied"] = report.applied;
  out["errors"] = report.errors;
  fmt::print("{}\n", boost::json::serialize(out));
}

int Run(std::string path, bool json) {
  if (path.empty()) {
    path = exchange::FindMarketData(checkout::SourceDirectory(), "usdm_btcusdt_20240808.gz");
  }
  if (path.empty()) {
    fmt::print("bench-decode: skipped, no recording; name a file of recorded frames, or set QUANTUM_MARKET_DATA\n");
    return 0;
  }
  const Result<Frames> frames = Frames::Load(path);
  if (!frames.ok()) {
    fmt::print(stderr, "bench-decode: {}\n", frames.error().message);
    return 1;
  }
  Report report = Measure(*frames);
  json ? PrintJson(report) : PrintTable(report);
  return report.Met() ? 0 : 1;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  std::string path;
  bool json = false;
  quantum::bench::CommandLine line("Recorded frames from text to typed event and local book");
  line.Add("FILE", &path, "recorded frames of one symbol; default: BTCUSDT of 2024-08-08");
  line.AddJson(json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  return quantum::bench::Run(path, json);
}
