// bench-replay [--json] [--rounds N] [FILE...]: events a second from recorded WebSocket frames through the code of
// marketdata (decode, local book, candles) and ai-engine (features, ensemble) in one process and thread. The frames are
// in memory before the clock starts. Exit code 1 when the goal is missed; without recordings it says so and ends with
// 0.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/command_line/command_line.h"
#include "bench/replay/frames.h"
#include "bench/replay/pipeline.h"
#include "exchange/recording/recording.h"
#include "platform/base/clock.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::bench {
namespace {

constexpr double kGoalPerSecond = 500'000;

struct Options {
  std::vector<std::string> files;
  int rounds = 15;
  bool json = false;
};

struct Round {
  double wall_seconds = 0;
  double cpu_seconds = 0;  // of this thread: what the round would take with the core for itself
};

double ThreadCpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// What a plain pass over the same bytes takes (a sum of all of them): no parser can be faster than reading.
Round Touch(const Frames& frames) {
  const SteadyTime begin = SystemClock().Steady();
  const double cpu = ThreadCpuSeconds();
  uint64_t sum = 0;
  for (const Frames::Frame& frame : frames.frames()) {
    for (const char c : frame.text) {
      sum += static_cast<unsigned char>(c);
    }
  }
  volatile uint64_t kept = sum;
  (void)kept;
  return {std::chrono::duration<double>(SystemClock().Steady() - begin).count(), ThreadCpuSeconds() - cpu};
}

struct Report {
  Work work;
  double wall_per_second = 0;    // best round
  double median_per_second = 0;  // median round, by the wall clock
  double cpu_per_second = 0;     // median round, by CPU time
  double touch_per_second = 0;   // the limit: the bytes read once
  size_t bytes = 0;
  int rounds = 0;
};

Result<Report> Measure(const Frames& frames, int rounds) {
  Report report{.work = Replay(frames), .bytes = frames.bytes(), .rounds = rounds};
  std::vector<Round> timed;
  for (int i = 0; i < rounds; ++i) {
    const SteadyTime begin = SystemClock().Steady();
    const double cpu = ThreadCpuSeconds();
    const Work work = Replay(frames);
    timed.push_back({std::chrono::duration<double>(SystemClock().Steady() - begin).count(), ThreadCpuSeconds() - cpu});
    if (!(work == report.work)) {
      return Error{Errc::kInternal, "two replays of the same frames did different work"};
    }
  }
  const double events = static_cast<double>(report.work.events);
  const auto by_wall = [](const Round& a, const Round& b) { return a.wall_seconds < b.wall_seconds; };
  const auto by_cpu = [](const Round& a, const Round& b) { return a.cpu_seconds < b.cpu_seconds; };
  std::sort(timed.begin(), timed.end(), by_wall);
  report.wall_per_second = events / timed.front().wall_seconds;
  report.median_per_second = events / timed[timed.size() / 2].wall_seconds;
  std::sort(timed.begin(), timed.end(), by_cpu);
  report.cpu_per_second = events / timed[timed.size() / 2].cpu_seconds;
  report.touch_per_second = events / Touch(frames).cpu_seconds;
  return report;
}

double Load1() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

void PrintTable(const Report& report) {
  const Work& work = report.work;
  fmt::print("replay of {} events ({:.1f} MB) in one thread, {} rounds, load average {:.1f} on {} cores\n", work.events,
             static_cast<double>(report.bytes) / 1e6, report.rounds, Load1(), std::thread::hardware_concurrency());
  fmt::print(
      "decoded and fed to books ({} updates), candles ({} trades, {} bars), ensemble ({} assessments, {} with "
      "votes); errors {}, gaps {}\n",
      work.book_updates, work.trades, work.bars, work.assessments, work.signals, work.errors, work.gaps);
  fmt::print("{:<36}{:>12.0f} events/s   {:.2f} of the goal of {:.0f}\n", "CPU time, median round",
             report.cpu_per_second, report.cpu_per_second / kGoalPerSecond, kGoalPerSecond);
  fmt::print("{:<36}{:>12.0f} events/s   {:.2f}\n", "wall clock, best round", report.wall_per_second,
             report.wall_per_second / kGoalPerSecond);
  fmt::print("{:<36}{:>12.0f} events/s   {:.2f}\n", "wall clock, median round", report.median_per_second,
             report.median_per_second / kGoalPerSecond);
  fmt::print("{:<36}{:>12.0f} events/s   the replay reaches {:.3f} of it\n", "limit: the bytes read once",
             report.touch_per_second, report.cpu_per_second / report.touch_per_second);
}

void PrintJson(const Report& report) {
  const Work& work = report.work;
  const boost::json::object out{{"benchmark", "replay"},
                                {"goal_per_second", kGoalPerSecond},
                                {"cpu_per_second", report.cpu_per_second},
                                {"wall_per_second", report.wall_per_second},
                                {"wall_median_per_second", report.median_per_second},
                                {"ratio", report.cpu_per_second / kGoalPerSecond},
                                {"limit_per_second", report.touch_per_second},
                                {"conditions",
                                 {{"events", work.events},
                                  {"bytes", report.bytes},
                                  {"rounds", report.rounds},
                                  {"load", Load1()},
                                  {"cores", std::thread::hardware_concurrency()}}},
                                {"work",
                                 {{"book_updates", work.book_updates},
                                  {"trades", work.trades},
                                  {"bars", work.bars},
                                  {"assessments", work.assessments},
                                  {"signals", work.signals},
                                  {"errors", work.errors},
                                  {"gaps", work.gaps}}}};
  fmt::print("{}\n", boost::json::serialize(out));
}

std::vector<std::string> RecordedFiles() {
  std::vector<std::string> files;
  for (const char* name : {"usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"}) {
    if (std::string path = exchange::FindMarketData(quantum::checkout::SourceDirectory(), name); !path.empty()) {
      files.push_back(std::move(path));
    }
  }
  return files;
}

int Run(const Options& options) {
  const std::vector<std::string> files = options.files.empty() ? RecordedFiles() : options.files;
  if (files.empty()) {
    fmt::print("bench-replay: skipped, no recording; name files of recorded frames, or set QUANTUM_MARKET_DATA\n");
    return 0;
  }
  const Result<Frames> frames = Frames::Load(files);
  if (!frames.ok()) {
    fmt::print(stderr, "bench-replay: {}\n", frames.error().message);
    return 1;
  }
  const Result<Report> report = Measure(*frames, options.rounds);
  if (!report.ok()) {
    fmt::print(stderr, "bench-replay: {}\n", report.error().message);
    return 1;
  }
  options.json ? PrintJson(*report) : PrintTable(*report);
  // By CPU time: the thread never waits, so this is the rate with the core for itself, whatever else the machine does.
  return report->work.errors == 0 && report->work.signals > 0 && report->cpu_per_second >= kGoalPerSecond ? 0 : 1;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  quantum::bench::Options options;
  quantum::bench::CommandLine line(
      "Recorded frames at full speed through decode, book, candles, features and ensemble");
  line.Add("FILE", &options.files, "recorded frames of one symbol each; default: all that are found");
  line.Add("--rounds", &options.rounds, 1, 1000, "how often the replay is timed");
  line.AddJson(options.json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  return quantum::bench::Run(options);
}
