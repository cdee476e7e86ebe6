// bench-bus-failover [--json] [--kills N]: the master is killed again and again under 1,000 events/s. From each kill
// until the new master (and a replica of its own) has accepted an event that was published after it, and until the
// first such event was delivered; how many publishes were refused meanwhile (none may be: they go to the outbox on
// disk); and the lag, in events published and not handled, before the kill and after it. The killed node is started
// again as a replica, as the supervisor does, before the next kill. Kills only servers that it started itself.
#include <fmt/format.h>

#include <atomic>
#include <random>

#include "bench/bus/setting.h"
#include "bench/command_line/command_line.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPayload = 200;
constexpr double kRate = 1000;
constexpr double kLagMax = 100;
constexpr double kGoalP50 = 1.6;
constexpr double kGoalP95 = 2.5;
constexpr double kGoalWorst = 15;
constexpr double kGoalLag = 5;
constexpr auto kSample = 5ms;

int64_t Now() { return SystemClock().Steady().time_since_epoch().count(); }
double SecondsSince(int64_t begin, int64_t end) { return static_cast<double>(end - begin) / 1e9; }

// What the threads tell each other. Times are steady nanoseconds.
struct Shared {
  std::atomic<bool> stop = false;
  std::atomic<bool> published_all = false;
  std::atomic<int64_t> killed_at = INT64_MAX;  // only events published later count
  std::atomic<int64_t> accepted_at = 0;        // 0: none yet
  std::atomic<int64_t> delivered_at = 0;
  std::atomic<size_t> published = 0;  // returned ok: on disk
  std::atomic<size_t> refused = 0;
  std::atomic<size_t> handled = 0;
  int64_t lag() const { return static_cast<int64_t>(published) - static_cast<int64_t>(handled); }
};

std::string Stamped(int64_t at) {
  std::string payload = fmt::format("{:020}", at);
  return payload + Payload(static_cast<size_t>(at), kPayload - payload.size());
}

void Publish(LoopThread& thread, Setting& setting, Shared& shared, std::vector<double>& returned_ms) {
  redis::Client redis(thread.loop(), setting.cluster().Options());
  auto opened = bus::Bus::Open(thread.loop(), redis, nullptr, setting.OptionsWithJournal("publisher"));
  QUANTUM_ASSERT(opened.ok());
  bus::Bus& bus = **opened;
  size_t fibers = 0;
  const auto one = [&](bool replicated) {
    const int64_t begin = Now();
    bus::Event event = MakeEvent(shared.published, 0);
    event.payload = Stamped(begin);
    const bool ok = bus.Publish(std::move(event), {.await_replicated = replicated, .timeout = 30s}).ok();
    const int64_t end = Now();
    ++(ok ? shared.published : shared.refused);
    if (!replicated) {
      returned_ms.push_back(static_cast<double>(end - begin) / 1e6);
    } else if (ok && begin > shared.killed_at && shared.accepted_at == 0) {
      shared.accepted_at = end;
    }
  };
  // Awaits the broker for each: the first that returns after a kill is the first one accepted.
  ++fibers;
  thread.loop().Spawn([&] {
    while (!shared.stop) {
      one(true);
      fiber::SleepFor(10ms);
    }
    --fibers;
  });
  const int64_t begin = Now();
  for (size_t number = 0; !shared.stop; ++number) {
    const int64_t due = begin + static_cast<int64_t>(static_cast<double>(number) * 1e9 / kRate);
    if (const int64_t now = Now(); due > now) {
      fiber::SleepFor(Duration(due - now));
    }
    ++fibers;
    thread.loop().Spawn([&] {
      one(false);
      --fibers;
    });
  }
  while (fibers > 0) {
    fiber::SleepFor(10ms);
  }
  static_cast<void>(bus.Flush(30s));
  bus.Stop();
}

void Consume(LoopThread& thread, Setting& setting, Shared& shared) {
  redis::Client redis(thread.loop(), setting.cluster().Options());
  bus::Bus bus(thread.loop(), redis, nullptr, setting.Options("consumer"));
  bus.Subscribe({.types = {kType}, .handler = [&](const bus::Event& event) -> Status {
                   ++shared.handled;
                   if (shared.delivered_at == 0 && std::stoll(event.payload.substr(0, 20)) > shared.killed_at) {
                     shared.delivered_at = Now();
                   }
                   return {};
                 }});
  QUANTUM_ASSERT(bus.Start().ok());
  while (!shared.published_all || shared.lag() > 0) {
    fiber::SleepFor(kSample);
  }
  bus.Stop();
}

struct Kill {
  double accepted_s = 0;
  double delivered_s = 0;
  double lag_before = 0;   // the largest of the last second
  double lag_highest = 0;  // while there was no master, and after
  double recovered_s = 0;  // from the first delivery until the lag was below the bound, and stayed there for a second
};

Kill KillOnce(Setting& setting, Shared& shared) {
  Kill kill;
  for (auto end = SystemClock().Steady() + 1s; SystemClock().Steady() < end; std::this_thread::sleep_for(kSample)) {
    kill.lag_before = std::max(kill.lag_before, static_cast<double>(shared.lag()));
  }
  const size_t master = setting.cluster().AwaitMaster();
  shared.accepted_at = 0;
  shared.delivered_at = 0;
  setting.cluster().KillNode(master);
  const int64_t killed = Now();
  shared.killed_at = killed;
  int64_t last_high = killed;
  // Until both have come and the lag has been low for a second; a minute without is a failure that shows in the
  // numbers.
  while (Now() - killed < 60'000'000'000) {
    std::this_thread::sleep_for(kSample);
    const auto lag = static_cast<double>(shared.lag());
    kill.lag_highest = std::max(kill.lag_highest, lag);
    if (lag >= kLagMax) {
      last_high = Now();
    }
    if (shared.accepted_at > 0 && shared.delivered_at > 0 && Now() - last_high > 1'000'000'000) {
      break;
    }
  }
  const auto since = [&](int64_t at) { return at == 0 ? 60.0 : SecondsSince(killed, at); };
  kill.accepted_s = since(shared.accepted_at);
  kill.delivered_s = since(shared.delivered_at);
  kill.recovered_s = std::max(0.0, SecondsSince(shared.delivered_at, last_high));
  shared.killed_at = INT64_MAX;
  setting.cluster().StartNode(master);
  setting.cluster().AwaitHealthy(120s);
  return kill;
}

struct Report {
  std::vector<Kill> kills;
  std::vector<double> returned_ms;
  size_t published = 0;
  size_t refused = 0;
  size_t handled = 0;

  std::vector<double> Of(double Kill::*member) const {
    std::vector<double> values;
    for (const Kill& kill : kills) {
      values.push_back(kill.*member);
    }
    return values;
  }
  bool TimesMet() const {
    for (const auto member : {&Kill::accepted_s, &Kill::delivered_s}) {
      const auto values = Of(member);
      if (Quantile(values, 0.5) > kGoalP50 || Quantile(values, 0.95) > kGoalP95 || Quantile(values, 1) > kGoalWorst) {
        return false;
      }
    }
    return true;
  }
  bool LagMet() const {
    return Quantile(Of(&Kill::lag_before), 1) < kLagMax && Quantile(Of(&Kill::recovered_s), 1) <= kGoalLag;
  }
  bool Met() const { return TimesMet() && LagMet() && refused == 0; }
};

Report Measure(int kills, uint64_t seed) {
  Report report;
  Setting setting(testing::RedisCluster::kQuick);
  Shared shared;
  std::mt19937_64 random(seed);
  LoopThread consuming("consumer");
  LoopThread publishing("publisher");
  auto consumer = std::async(std::launch::async, [&] { consuming.Run([&] { Consume(consuming, setting, shared); }); });
  auto publisher = std::async(
      std::launch::async, [&] { publishing.Run([&] { Publish(publishing, setting, shared, report.returned_ms); }); });
  std::this_thread::sleep_for(3s);
  for (int i = 0; i < kills; ++i) {
    // Anywhere in the beat of the sentinels' pings.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1000));
    report.kills.push_back(KillOnce(setting, shared));
    const Kill& kill = report.kills.back();
    fmt::print(stderr,
               "  kill {}: accepted {:.2f} s, delivered {:.2f} s, lag {:.0f} before, {:.0f} at most, low again {:.2f} "
               "s later, load {:.1f}\n",
               i + 1, kill.accepted_s, kill.delivered_s, kill.lag_before, kill.lag_highest, kill.recovered_s, Load1());
  }
  shared.stop = true;
  publisher.wait();
  shared.published_all = true;
  consumer.wait();
  report.published = shared.published;
  report.refused = shared.refused;
  report.handled = shared.handled;
  return report;
}

void PrintTable(const Report& report, uint64_t seed) {
  fmt::print("{}\n{} kills of the master (down-after 1000 ms) at {:.0f} events/s, seed {}, load average {:.1f}\n",
             Setting::Describe(), report.kills.size(), kRate, seed, Load1());
  fmt::print("{:<52}{:>10}{:>10}{:>10}\n", "", "p50", "p95", "worst");
  const auto line = [&](const char* name, double Kill::*member) {
    const auto values = report.Of(member);
    fmt::print("{:<52}{:>10.2f}{:>10.2f}{:>10.2f}\n", name, Quantile(values, 0.5), Quantile(values, 0.95),
               Quantile(values, 1));
  };
  line("killed -> accepted by the new master and a replica, s", &Kill::accepted_s);
  line("killed -> delivered, s", &Kill::delivered_s);
  line("lag before, events", &Kill::lag_before);
  line("largest lag, events", &Kill::lag_highest);
  line("delivered -> lag below 100 for good, s", &Kill::recovered_s);
  fmt::print(
      "publish returns (on disk): p50 {:.2f} ms, p99 {:.2f} ms, worst {:.0f} ms; {} ok, {} refused, {} handled\n",
      Quantile(report.returned_ms, 0.5), Quantile(report.returned_ms, 0.99), Quantile(report.returned_ms, 1),
      report.published, report.refused, report.handled);
  fmt::print("goals: p50 <= {} s, p95 <= {} s, worst <= {} s: {}; no publish refused: {}; lag: {}\n", kGoalP50,
             kGoalP95, kGoalWorst, report.TimesMet() ? "met" : "MISSED", report.refused == 0 ? "met" : "MISSED",
             report.LagMet() ? "met" : "MISSED");
}

void PrintJson(const Report& report, uint64_t seed) {
  const auto accepted = report.Of(&Kill::accepted_s);
  const auto delivered = report.Of(&Kill::delivered_s);
  fmt::print(
      "{{\"bench\": \"bus-failover\", \"kills\": {}, \"seed\": {}, \"load\": {:.2f}, \"accepted_s\": [{:.3f}], "
      "\"delivered_s\": [{:.3f}], \"lag_before_worst\": {:.0f}, \"lag_recovered_worst_s\": {:.3f}, \"published\": {}, "
      "\"refused\": {}, \"handled\": {}}}\n",
      report.kills.size(), seed, Load1(), fmt::join(accepted, ", "), fmt::join(delivered, ", "),
      Quantile(report.Of(&Kill::lag_before), 1), Quantile(report.Of(&Kill::recovered_s), 1), report.published,
      report.refused, report.handled);
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  int kills = 50;
  uint64_t seed = std::random_device()();
  bool json = false;
  CommandLine line("From the death of the master to the first event accepted and delivered");
  line.Add("--kills", &kills, 1, 10'000);
  line.Add("--seed", &seed, "of the moments");
  line.AddJson(json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  PrepareBus();
  const Report report = Measure(kills, seed);
  json ? PrintJson(report, seed) : PrintTable(report, seed);
  return report.Met() ? 0 : 1;
}
