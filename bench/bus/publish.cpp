// bench-bus-publish [--json] [--rounds N] [--seconds S] [--payload BYTES] [--no-nats]: durable publishes acknowledged
// by at least one replica, against `redis-benchmark -c 4 -P 64` XADD on the same nodes and against NATS JetStream with
// three replicas. All take turns in the same run; the median round counts. Ours: one process, a journal on the same
// disk, four fibers that publish 64 events at once, as the peer's four clients do; NATS: the best of several settings.
#include <fmt/format.h>

#include <optional>

#include "bench/bus/nats_cluster.h"
#include "bench/bus/redis_benchmark.h"
#include "bench/bus/setting.h"
#include "bench/command_line/command_line.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr double kGoalXadd = 0.6;
constexpr double kGoalNats = 3;

// So many fibers publish so many events at once, again and again.
struct Load {
  size_t fibers = 0;
  size_t at_once = 0;
};
constexpr Load kAsThePeer{4, 64};  // -c 4 -P 64
constexpr Load kDeeper{4, 1024};
constexpr Load kOneByOne{256, 1};

struct Options {
  int rounds = 5;
  double seconds = 3;
  size_t payload = 200;
  bool nats = true;
  bool ours_only = false;
  bool json = false;
};

struct Round {
  double rate = 0;
  double events = 0;
};

enum class Until { kReplicated, kOnDisk };

// Events a second, from the first call until the last return.
Round Publish(Setting& setting, const Options& options, const Load& load, Until until, bool journal) {
  LoopThread thread("publisher");
  const Round round = thread.Run([&] {
    redis::Client redis(thread.loop(), setting.cluster().Options());
    auto opened = bus::Bus::Open(thread.loop(), redis, nullptr,
                                 journal ? setting.OptionsWithJournal("bench") : setting.Options("bench"));
    QUANTUM_ASSERT(opened.ok());
    bus::Bus& bus = **opened;
    const bus::PublishOptions how{.await_replicated = until == Until::kReplicated, .timeout = 30s};
    QUANTUM_ASSERT(bus.Publish(MakeEvent(0, options.payload), how).ok());
    size_t published = 0;
    size_t fibers = 0;
    fiber::Event go;
    fiber::Event finished;
    SteadyTime end;
    for (size_t i = 0; i < load.fibers; ++i) {
      thread.loop().Spawn([&] {
        ++fibers;
        go.Wait();
        while (SystemClock().Steady() < end) {
          std::vector<bus::Event> events;
          for (size_t event = 0; event < load.at_once; ++event) {
            events.push_back(MakeEvent(published + event, options.payload));
          }
          for (const auto& done : bus.PublishAll(std::move(events), how)) {
            if (!done.ok()) {
              AssertionFailed(done.error().message, __FILE__, __LINE__);
            }
            ++published;
          }
        }
        if (--fibers == 0) {
          finished.Set();
        }
      });
    }
    // The peers' clients exist too before their clocks start.
    while (fibers < load.fibers) {
      fiber::SleepFor(1ms);
    }
    const SteadyTime begin = SystemClock().Steady();
    end = begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds));
    go.Set();
    finished.Wait();
    // What only the disk has is not with the broker yet: a rate that lasts counts both.
    QUANTUM_ASSERT(bus.Flush(60s).ok());
    const double per_second = static_cast<double>(published) / (MsBetween(begin, SystemClock().Steady()) / 1000);
    bus.Stop();
    return Round{per_second, static_cast<double>(published)};
  });
  setting.DropStream();
  return round;
}

struct Row {
  std::string name;
  std::vector<double> rates{};
  std::vector<double> servers_us{};  // processor time for each event
  std::vector<double> client_us{};
  double median() const { return Quantile(rates, 0.5); }
};

// servers_cpu: the processor seconds of the servers so far.
void AddRound(Row& row, const std::function<double()>& servers_cpu, const std::function<Round()>& measure) {
  const double servers = servers_cpu();
  const double client = OwnCpu();
  const Round round = measure();
  row.rates.push_back(round.rate);
  row.servers_us.push_back((servers_cpu() - servers) / round.events * 1e6);
  row.client_us.push_back((OwnCpu() - client) / round.events * 1e6);
}

struct Report {
  Row ours{"ours, 4 x 64 at once, acknowledged by a replica"};
  Row deep{"  4 x 1024 at once"};
  Row each{"  256 publishers, one at a time each"};
  Row disk{"  4 x 64, on disk when it returns; broker keeps up"};
  Row memory{"  4 x 64, without a journal"};
  Row xadd{"redis-benchmark -c 4 -P 64 XADD, no WAIT"};
  Row nats{"NATS JetStream R3, asynchronous"};
  NatsCluster::Load nats_load;
};

NatsCluster::Load BestLoad(NatsCluster& nats, const Options& options) {
  NatsCluster::Load best;
  double highest = 0;
  for (const int connections : {1, 4}) {
    for (const int pending : {64, 256, 1024, 4096}) {
      const NatsCluster::Load load{connections, pending};
      const double rate = nats.PublishRate(load, options.payload, 1.5);
      fmt::print(stderr, "  NATS, {} connections, {} pending each: {:.0f}/s\n", connections, pending, rate);
      if (rate > highest) {
        highest = rate;
        best = load;
      }
    }
  }
  return best;
}

Report Measure(const Options& options) {
  Report report;
  Setting setting;
  std::optional<NatsCluster> nats;
  if (options.nats) {
    nats.emplace();
    report.nats_load = BestLoad(*nats, options);
  }
  const auto nodes_cpu = [&] { return setting.NodesCpu(); };
  const auto nats_cpu = [&] {
    double seconds = 0;
    for (const int pid : nats->pids()) {
      seconds += CpuOf(pid);
    }
    return seconds;
  };
  size_t entries = 100'000;
  for (int round = 0; round < options.rounds; ++round) {
    const auto ours = [&](Row& row, const Load& load, Until until, bool journal) {
      AddRound(row, nodes_cpu, [&] { return Publish(setting, options, load, until, journal); });
    };
    ours(report.ours, kAsThePeer, Until::kReplicated, true);
    if (options.ours_only) {
      continue;
    }
    AddRound(report.xadd, nodes_cpu, [&] {
      const double rate = XaddRate(setting, options.payload, entries);
      setting.DropStream();
      return Round{rate, static_cast<double>(entries)};
    });
    entries = static_cast<size_t>(report.xadd.rates.back() * options.seconds);
    ours(report.deep, kDeeper, Until::kReplicated, true);
    if (nats) {
      AddRound(report.nats, nats_cpu, [&] {
        const double rate = nats->PublishRate(report.nats_load, options.payload, options.seconds);
        return Round{rate, rate * options.seconds};
      });
    }
    ours(report.each, kOneByOne, Until::kReplicated, true);
    ours(report.disk, kAsThePeer, Until::kOnDisk, true);
    ours(report.memory, kAsThePeer, Until::kReplicated, false);
  }
  return report;
}

std::string Verdict(double ratio, double goal) {
  return fmt::format("{:.2f} (goal {} or more: {})", ratio, goal, ratio >= goal ? "met" : "MISSED");
}

void PrintTable(const Report& report, const Options& options) {
  fmt::print("{}\n{}-byte payloads, rounds of {} s, load average {:.1f}\n", Setting::Describe(), options.payload,
             options.seconds, Load1());
  fmt::print("{:<52}{:>10}{:>13}{:>11}  {}\n", "events a second; processor time of each", "median", "servers us",
             "client us", "rounds");
  for (const Row* row :
       {&report.ours, &report.deep, &report.each, &report.disk, &report.memory, &report.xadd, &report.nats}) {
    if (!row->rates.empty()) {
      fmt::print("{:<52}{:>10.0f}{:>13.1f}{:>11.1f}  {:.0f}\n", row->name, row->median(),
                 Quantile(row->servers_us, 0.5), Quantile(row->client_us, 0.5), fmt::join(row->rates, ", "));
    }
  }
  if (!report.xadd.rates.empty()) {
    fmt::print("ratio to redis-benchmark XADD: {}; with 4 x 1024 {:.2f}\n",
               Verdict(report.ours.median() / report.xadd.median(), kGoalXadd),
               report.deep.median() / report.xadd.median());
  }
  if (!report.xadd.servers_us.empty()) {
    const double ours_us = Quantile(report.ours.servers_us, 0.5) + Quantile(report.ours.client_us, 0.5);
    const double xadd_us = Quantile(report.xadd.servers_us, 0.5) + Quantile(report.xadd.client_us, 0.5);
    fmt::print("by processor time of all processes: redis-benchmark {:.1f} us, ours {:.1f} us, ratio {:.2f}\n", xadd_us,
               ours_us, xadd_us / ours_us);
  }
  if (!report.nats.rates.empty()) {
    fmt::print("ratio to NATS JetStream ({} connections, {} pending each): {}; with 4 x 1024 {:.2f}\n",
               report.nats_load.connections, report.nats_load.pending_max,
               Verdict(report.ours.median() / report.nats.median(), kGoalNats),
               report.deep.median() / report.nats.median());
  } else if (options.nats || !NatsCluster::Available()) {
    fmt::print("NATS was left out: nats-server and libnats-dev are not installed\n");
  }
}

void PrintJson(const Report& report, const Options& options) {
  fmt::print(
      "{{\"bench\": \"bus-publish\", \"payload\": {}, \"load\": {:.2f}, \"ours_per_s\": {:.0f}, "
      "\"deep_per_s\": {:.0f}, \"one_by_one_per_s\": {:.0f}, \"on_disk_per_s\": {:.0f}, \"no_journal_per_s\": {:.0f}, "
      "\"xadd_per_s\": {:.0f}, \"nats_per_s\": {:.0f}, \"nats_connections\": {}, \"nats_pending\": {}}}\n",
      options.payload, Load1(), report.ours.median(), report.deep.median(), report.each.median(), report.disk.median(),
      report.memory.median(), report.xadd.median(), report.nats.median(), report.nats_load.connections,
      report.nats_load.pending_max);
}

bool GoalsMet(const Report& report) {
  return (report.xadd.rates.empty() || report.ours.median() >= kGoalXadd * report.xadd.median()) &&
         (report.nats.rates.empty() || report.ours.median() >= kGoalNats * report.nats.median());
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  using namespace quantum::bench;
  Options options;
  bool no_nats = false;
  CommandLine line("Durable publishes a second, against raw XADD and NATS JetStream");
  line.Add("--rounds", &options.rounds, 1, 100);
  line.Add("--seconds", &options.seconds, 0.1, 60.0, "of each round");
  line.Add("--payload", &options.payload, 1, 100'000, "bytes");
  line.AddFlag("--no-nats", no_nats, "without NATS");
  line.AddFlag("--ours-only", options.ours_only, "one row, for a profiler");
  line.AddJson(options.json);
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  options.nats = !no_nats && !options.ours_only && NatsCluster::Available();
  PrepareBus();
  const Report report = Measure(options);
  options.json ? PrintJson(report, options) : PrintTable(report, options);
  return GoalsMet(report) ? 0 : 1;
}
