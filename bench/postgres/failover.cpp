// bench-postgres-failover [--json] [--kills N | --steady MINUTES]: Postgres with its standby (etcd, Patroni, HAProxy,
// PgBouncer) under steady commits; N times each: the primary's Postgres is killed, the primary's whole node is killed,
// and the primary is changed as planned (`./quantum postgres switchover` does the same steps). From each blow until the
// first commit, through PgBouncer, that was asked for after it (planned: how long PgBouncer held requests back); and
// how many requests failed. Kills only servers that it started itself. With --steady nothing is killed: writers fill
// both cores, and every change of the primary is a false failover.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "bench/command_line/command_line.h"
#include "operator/postgres/switch_over.h"
#include "platform/log/setup.h"
#include "platform/postgres/pool.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/run_in_fiber.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;
using quantum::testing::PostgresCluster;

constexpr int kWriters = 8;
constexpr int kWritersOfSteady = 64;

int64_t Now() { return SystemClock().Steady().time_since_epoch().count(); }

// Writers in a thread of their own: the cluster's calls block.
class Load {
 public:
  Load(const PostgresCluster& cluster, int writers)
      : writers_(writers), thread_([this, options = cluster.ServiceOptions()] { Run(options); }) {}
  ~Load() {
    stop_ = true;
    thread_.join();
  }

  // Seconds from now until a commit has returned that began after now.
  double UntilCommit(const std::function<void()>& blow) {
    failed_before_ = failed_;
    const int64_t begin = Now();
    first_ = 0;
    asked_after_ = begin;
    blow();
    while (first_ == 0 && Now() - begin < 60'000'000'000) {
      std::this_thread::sleep_for(1ms);
    }
    return static_cast<double>((first_ == 0 ? Now() : first_.load()) - begin) / 1e9;
  }
  size_t failed_since() const { return failed_ - failed_before_; }
  size_t failed() const { return failed_; }
  size_t committed() const { return committed_; }

 private:
  void Run(postgres::PoolOptions options) {
    options.connections_max = static_cast<size_t>(std::min(writers_, 16));
    fiber::Loop loop("load");
    postgres::Pool pool(loop, options);
    int running = writers_;
    for (int writer = 0; writer < writers_; ++writer) {
      loop.Spawn([&, writer] {
        for (int64_t number = 0; !stop_; ++number) {
          Write(pool, fmt::format("{}-{}", writer, number));
        }
        if (--running == 0) {
          loop.Stop();
        }
      });
    }
    loop.Run();
  }

  void Write(postgres::Pool& pool, const std::string& key) {
    const int64_t begin = Now();
    const auto written = pool.Query("INSERT INTO written VALUES ($1)", {key}, {.timeout = 5s});
    if (!written.ok()) {
      ++failed_;
      fiber::SleepFor(10ms);
      return;
    }
    ++committed_;
    int64_t none = 0;
    if (begin > asked_after_) {
      first_.compare_exchange_strong(none, Now());
    }
  }

  const int writers_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> asked_after_ = INT64_MAX;
  std::atomic<int64_t> first_ = 0;
  std::atomic<size_t> failed_ = 0;
  std::atomic<size_t> committed_ = 0;
  size_t failed_before_ = 0;
  std::thread thread_;
};

struct Series {
  const char* name;
  const char* goal;
  std::vector<double> seconds;
  size_t failed = 0;
};

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

void MakeTable(const PostgresCluster& cluster) {
  fiber::Loop loop("table");
  loop.Spawn([&] {
    {
      postgres::Pool owner(loop, cluster.OwnerOptions());
      QUANTUM_ASSERT(owner.Query("CREATE TABLE written (key text)", {}).ok());
    }
    loop.Stop();
  });
  loop.Run();
}

// Grows by one with each promotion.
int64_t Timeline(const PostgresCluster& cluster) {
  int64_t timeline = 0;
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool owner(loop, cluster.OwnerOptions());
    const auto rows = owner.Query("SELECT timeline_id FROM pg_control_checkpoint()", {}, {.timeout = 30s});
    QUANTUM_ASSERT(rows.ok());
    timeline = rows->Int(0, "timeline_id");
  });
  return timeline;
}

// The share of both cores that was busy.
class Busy {
 public:
  double Share() const {
    const auto [busy, all] = Read();
    return all == all_ ? 0 : static_cast<double>(busy - busy_) / static_cast<double>(all - all_);
  }

 private:
  static std::pair<int64_t, int64_t> Read() {
    std::ifstream file("/proc/stat");
    std::string name;
    file >> name;
    int64_t all = 0;
    int64_t idle = 0;
    for (int64_t i = 0, ticks = 0; i < 8 && file >> ticks; ++i) {
      all += ticks;
      idle += i == 3 || i == 4 ? ticks : 0;  // idle, iowait
    }
    return {all - idle, all};
  }
  int64_t busy_ = Read().first;
  int64_t all_ = Read().second;
};

int Steady(int minutes, bool json) {
  PostgresCluster cluster;
  MakeTable(cluster);
  const int64_t before = Timeline(cluster);
  const size_t primary = cluster.AwaitPrimary();
  const Busy busy;
  Load load(cluster, kWritersOfSteady);
  for (int minute = 1; minute <= minutes; ++minute) {
    std::this_thread::sleep_for(60s);
    if (!json) {
      fmt::print("{} of {} min: {} commits, {} requests failed, postgres-{} leads, both cores {:.0f} % busy\n", minute,
                 minutes, load.committed(), load.failed(), cluster.AwaitPrimary() + 1, busy.Share() * 100);
      std::fflush(stdout);
    }
  }
  const double share = busy.Share();
  const int64_t failovers = Timeline(cluster) - before;
  if (json) {
    fmt::print(R"({{"minutes": {}, "commits": {}, "failed_requests": {}, "busy": {:.3f}, "false_failovers": {}}})"
               "\n",
               minutes, load.committed(), load.failed(), share, failovers);
  } else {
    fmt::print("{} min: {} commits, {} requests failed, both cores {:.0f} % busy, {} false failovers\n", minutes,
               load.committed(), load.failed(), share * 100, failovers);
  }
  return failovers == 0 && cluster.AwaitPrimary() == primary ? 0 : 1;
}

int Main(int argc, char** argv) {
  CommandLine line("Postgres: from a kill to the next commit");
  bool json = false;
  int kills = 10;
  line.AddFlag("--json", json, "One JSON object");
  line.Add("--kills", &kills, 1, 1000, "Of each kind");
  int steady = 0;
  line.Add("--steady", &steady, 1, 10'000, "So many minutes without a kill");
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }

  log::SetLevel(log::Level::kError);  // waiting is what is measured
  if (steady > 0) {
    return Steady(steady, json);
  }
  PostgresCluster cluster;
  MakeTable(cluster);
  Load load(cluster, kWriters);
  Series crash{.name = "postgres_crash", .goal = "p50 <= 4"};
  Series node{.name = "node_loss", .goal = "p50 <= 11, worst <= 15"};
  Series planned{.name = "switchover", .goal = "worst <= 4, 0 failed"};
  for (int i = 0; i < kills; ++i) {
    const auto measure = [&](Series& series, const std::function<void(size_t)>& blow) {
      cluster.AwaitHealthy();
      std::this_thread::sleep_for(1s);  // the load is steady
      const size_t primary = cluster.AwaitPrimary();
      series.seconds.push_back(load.UntilCommit([&] { blow(primary); }));
      series.failed += load.failed_since();
      return primary;
    };
    measure(crash, [&](size_t primary) { cluster.KillPostgres(primary); });
    const size_t killed = measure(node, [&](size_t primary) { cluster.KillNode(primary); });
    cluster.StartNode(killed);
    double held_back = 0;
    measure(planned, [&](size_t) {
      const auto changed =
          operate::SwitchOver({.nodes = {{"postgres-1", cluster.ApiUrl(0)}, {"postgres-2", cluster.ApiUrl(1)}},
                               .api_password = PostgresCluster::kApiPassword,
                               .console_host = "127.0.0.1",
                               .console_port = cluster.ServiceOptions().port,
                               .console_password = PostgresCluster::kConsolePassword});
      QUANTUM_ASSERT(changed.ok());
      held_back = std::chrono::duration<double>(changed->held_back).count();
    });
    planned.seconds.back() = held_back;
    if (!json) {
      fmt::print("{} of {}: crash {:.2f}, node {:.2f}, planned {:.2f} s\n", i + 1, kills, crash.seconds.back(),
                 node.seconds.back(), planned.seconds.back());
      std::fflush(stdout);
    }
  }
  std::string text;
  for (const Series* series : {&crash, &node, &planned}) {
    const double p50 = Quantile(series->seconds, 0.5);
    const double p95 = Quantile(series->seconds, 0.95);
    const double worst = Quantile(series->seconds, 1);
    if (json) {
      text += fmt::format(R"({}"{}": {{"p50_s": {:.3f}, "p95_s": {:.3f}, "worst_s": {:.3f}, "failed_requests": {}}})",
                          text.empty() ? "{" : ", ", series->name, p50, p95, worst, series->failed);
    } else {
      fmt::print("{:<15} p50 {:.2f}  p95 {:.2f}  worst {:.2f} s  ({}); {} requests failed\n", series->name, p50, p95,
                 worst, series->goal, series->failed);
    }
  }
  if (json) {
    fmt::print("{}, \"kills_each\": {}, \"commits\": {}}}\n", text, kills, load.committed());
  } else {
    fmt::print("{} of each, {} commits, {} writers\n", kills, load.committed(), kWriters);
  }
  return 0;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) { return quantum::bench::Main(argc, argv); }
