// bench-tradestore [--json] [--rows N]: a file of the old system, N trades, into Postgres with its standby, as
// `./quantum tradestore migrate` does it; then trades written one after the other and eight at once, to Postgres alone
// and to both stores, in turns. bench-tradestore --write FILE only makes such a file.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "bench/command_line/command_line.h"
#include "platform/log/setup.h"
#include "platform/postgres/pool.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/run_in_fiber.h"
#include "tests/support/temporary_directory.h"
#include "trading/tradestore/compare.h"
#include "trading/tradestore/legacy_generator.h"
#include "trading/tradestore/migrate.h"
#include "trading/tradestore/mirror.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;
using quantum::testing::PostgresCluster;
using quantum::testing::RunInFiber;

constexpr int kRounds = 5;
constexpr int kOneByOne = 300;
constexpr int kAtOnce = 8;
constexpr int kEach = 200;

double SecondsSince(SteadyTime begin) { return std::chrono::duration<double>(SystemClock().Steady() - begin).count(); }

template <class T>
T Want(Result<T> result) {
  if (!result.ok()) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(*result);
}
void Want(const Status& status) {
  if (!status.ok()) {
    throw std::runtime_error(status.error().message);
  }
}

struct Migrated {
  double copied = 0;    // seconds, the file
  double migrated = 0;  // seconds, the file and its rows
  tradestore::State state;
};

Migrated Migrate(const PostgresCluster& cluster, const std::string& source, const std::string& path, bool quiet) {
  Migrated result;
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool owner(loop, cluster.OwnerOptions());
    Want(postgres::Migrate(owner, checkout::SourceDirectory() + "/infra/postgres/migrations"));
    const SteadyTime begin = SystemClock().Steady();
    Want(tradestore::CopyFile::Make(source, path, [](int64_t, int64_t) {}));
    result.copied = SecondsSince(begin);
    tradestore::CopyFile file = Want(tradestore::CopyFile::Open(path, tradestore::kBeforeTheFirst));
    tradestore::State state;
    state.source = source;
    state.file = path;
    state.precisions = tradestore::LegacyPrecisions();
    state.last_legacy_rowid = Want(file.rows().LastRowid());
    state.copied_rowid = tradestore::kBeforeTheFirst;
    state.started = SystemClock().Now();
    Want(tradestore::BeginCopy(owner, state, {}));
    int64_t shown = 0;
    Want(tradestore::CopyRows(owner, file, state, [&](int64_t done, int64_t total) {
      if (!quiet && done * 10 / total > shown) {
        shown = done * 10 / total;
        fmt::print("{:>3} % after {:.1f} s\n", shown * 10, SecondsSince(begin));
        std::fflush(stdout);
      }
    }));
    Want(tradestore::BeginDual(owner, SystemClock().Now()));
    result.migrated = SecondsSince(begin);
    result.state = Want(tradestore::ReadState(owner));
  });
  return result;
}

// As execution does it, in a thread of its own.
class Mirror {
 public:
  Mirror(const PostgresCluster& cluster, const std::string& path)
      : thread_([this, options = cluster.ServiceOptions(), path] {
          RunInFiber([&](fiber::Loop& loop) {
            postgres::Pool pool(loop, options);
            tradestore::CopyFile file = Want(tradestore::CopyFile::Open(path, tradestore::kBeforeTheFirst));
            while (!stop_) {
              if (Want(tradestore::MirrorSome(pool, file)) < tradestore::kMirrorMax) {
                fiber::SleepFor(200ms);
              }
            }
            while (Want(tradestore::MirrorSome(pool, file)) > 0) {
            }
          });
        }) {}
  ~Mirror() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

constexpr const char* kTrade =
    "INSERT INTO trades (trade_id, symbol, side, status, quantity, leverage, entry_price, created_at, updated_at) "
    "VALUES ($1, 'BTCUSDT', 'LONG', 'OPEN', 0.5, 3, 60000.1, now(), now())";

struct Written {
  double p50_ms = 0;      // one by one
  double per_second = 0;  // eight at once
};

Written Write(const PostgresCluster& cluster, const std::string& prefix) {
  Written written;
  RunInFiber([&](fiber::Loop& loop) {
    postgres::PoolOptions options = cluster.ServiceOptions();
    options.connections_max = kAtOnce;
    postgres::Pool pool(loop, options);
    std::vector<double> latencies;
    for (int i = 0; i < kOneByOne; ++i) {
      const SteadyTime begin = SystemClock().Steady();
      Want(pool.Query(kTrade, {fmt::format("{}-{}", prefix, i)}));
      latencies.push_back(SecondsSince(begin) * 1e3);
    }
    std::nth_element(latencies.begin(), latencies.begin() + kOneByOne / 2, latencies.end());
    written.p50_ms = latencies[kOneByOne / 2];
    const SteadyTime begin = SystemClock().Steady();
    int running = kAtOnce;
    fiber::Event done;
    for (int writer = 0; writer < kAtOnce; ++writer) {
      loop.Spawn([&, writer] {
        for (int i = 0; i < kEach; ++i) {
          Want(pool.Query(kTrade, {fmt::format("{}-{}-{}", prefix, writer, i)}));
        }
        if (--running == 0) {
          done.Set();
        }
      });
    }
    done.Wait();
    written.per_second = kAtOnce * kEach / SecondsSince(begin);
  });
  return written;
}

void Dual(const PostgresCluster& cluster, bool on) {
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool owner(loop, cluster.OwnerOptions());
    Want(owner.Query(fmt::format("ALTER TABLE trades {} TRIGGER tradestore_dual_write", on ? "ENABLE" : "DISABLE")));
  });
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Measure(int64_t rows, bool json) {
  const quantum::testing::TemporaryDirectory directory("bench-tradestore");
  const std::string source = (directory.path() / "old.db").string();
  const std::string path = (directory.path() / "trades.db").string();
  Want(tradestore::WriteLegacyFile(source, {.rows = rows, .broken_every = 1000, .repeated_every = 5000}));
  PostgresCluster cluster;
  const Migrated migrated = Migrate(cluster, source, path, json);
  std::vector<double> alone_ms;
  std::vector<double> both_ms;
  std::vector<double> alone_rate;
  std::vector<double> both_rate;
  for (int round = 0; round < kRounds; ++round) {
    Dual(cluster, false);
    const Written alone = Write(cluster, fmt::format("alone-{}", round));
    Dual(cluster, true);
    const Mirror mirror(cluster, path);
    const Written both = Write(cluster, fmt::format("both-{}", round));
    alone_ms.push_back(alone.p50_ms);
    both_ms.push_back(both.p50_ms);
    alone_rate.push_back(alone.per_second);
    both_rate.push_back(both.per_second);
  }
  const double cost = Median(both_ms) / Median(alone_ms);
  const double cost_at_once = Median(alone_rate) / Median(both_rate);
  const double a_million = migrated.migrated * 1e6 / static_cast<double>(rows);
  if (json) {
    fmt::print(R"({{"rows": {}, "good": {}, "repeated": {}, "odd": {}, "file_s": {:.2f}, "migrated_s": {:.2f}, )"
               R"("a_million_s": {:.2f}, "alone_p50_ms": {:.3f}, "both_p50_ms": {:.3f}, "dual_cost": {:.3f}, )"
               R"("alone_per_second": {:.0f}, "both_per_second": {:.0f}, "dual_cost_at_once": {:.3f}}})"
               "\n",
               rows, migrated.state.good, migrated.state.repeated, migrated.state.odd, migrated.copied,
               migrated.migrated, a_million, Median(alone_ms), Median(both_ms), cost, Median(alone_rate),
               Median(both_rate), cost_at_once);
  } else {
    fmt::print(
        "{} rows ({} good, {} repeated, {} odd): {:.1f} s, of that the file {:.1f} s; {:.1f} s a million (<= 60)\n",
        migrated.state.good + migrated.state.repeated + migrated.state.odd, migrated.state.good,
        migrated.state.repeated, migrated.state.odd, migrated.migrated, migrated.copied, a_million);
    fmt::print("a trade, one by one: Postgres alone {:.2f} ms, both {:.2f} ms: {:.2f} (<= 1.3)\n", Median(alone_ms),
               Median(both_ms), cost);
    fmt::print("eight at once: {:.0f}/s alone, {:.0f}/s both: {:.2f}\n", Median(alone_rate), Median(both_rate),
               cost_at_once);
  }
  return a_million <= 60 && cost <= 1.3 ? 0 : 1;
}

int Main(int argc, char** argv) {
  CommandLine line("Trades of the old system into Postgres, and the writing to both stores");
  bool json = false;
  int64_t rows = 1'000'000;
  std::string write;
  line.AddFlag("--json", json, "One JSON object");
  line.Add("--rows", &rows, 1, 100'000'000, "Trades in the file");
  line.Add("--write", &write, "Only make such a file");
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  log::SetLevel(log::Level::kError);
  if (!write.empty()) {
    Want(tradestore::WriteLegacyFile(write, {.rows = rows, .broken_every = 1000, .repeated_every = 5000}));
    return 0;
  }
  return Measure(rows, json);
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) { return quantum::bench::Main(argc, argv); }
