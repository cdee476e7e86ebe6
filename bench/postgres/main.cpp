// bench-postgres [--json] [SECONDS]: statements a second of the pool in pipelines against hand-written libpq sending
// the same statements, and the latency of one durable commit, against that and against pgbench. One connection, through
// PgBouncer, fsync on; they take turns in the same run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>

#include "bench/postgres/raw_libpq.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace {

using namespace std::chrono_literals;
using quantum::Duration;
using quantum::SystemClock;
using quantum::bench::RawLibpq;
using quantum::postgres::Pool;
using quantum::postgres::Statement;
using quantum::testing::PostgresServer;

constexpr size_t kDepth = 100;
constexpr int kRounds = 8;

// What the pool wraps around the statements of a batch, so that the peer does the same work.
std::vector<Statement> Wrapped(const std::vector<Statement>& statements) {
  std::vector<Statement> all = {{"BEGIN", {}}, {"SET LOCAL statement_timeout = 4950", {}}};
  all.insert(all.end(), statements.begin(), statements.end());
  all.push_back({"SET LOCAL statement_timeout = 0", {}});
  all.push_back({"COMMIT", {}});
  return all;
}

// Calls of fn within the time, each one's duration.
std::vector<Duration> Repeat(Duration time, const std::function<void()>& fn) {
  std::vector<Duration> durations;
  const auto end = SystemClock().Steady() + time;
  for (auto now = SystemClock().Steady(); now < end;) {
    fn();
    const auto after = SystemClock().Steady();
    durations.push_back(after - now);
    now = after;
  }
  return durations;
}

struct Contest {
  std::vector<Duration> pool;
  std::vector<Duration> raw;
};

Contest Compete(Duration time, const std::function<void()>& pool, const std::function<void()>& raw) {
  Contest contest;
  pool();
  raw();
  for (int round = 0; round < kRounds; ++round) {
    for (const Duration each : Repeat(time / (2 * kRounds), pool)) {
      contest.pool.push_back(each);
    }
    for (const Duration each : Repeat(time / (2 * kRounds), raw)) {
      contest.raw.push_back(each);
    }
  }
  return contest;
}

double PerSecond(const std::vector<Duration>& durations, size_t statements) {
  Duration sum{};
  for (const Duration each : durations) {
    sum += each;
  }
  return static_cast<double>(durations.size() * statements) / std::chrono::duration<double>(sum).count();
}

double QuantileMs(std::vector<Duration> durations, double quantile) {
  const auto at = durations.begin() + static_cast<std::ptrdiff_t>(quantile * static_cast<double>(durations.size() - 1));
  std::ranges::nth_element(durations, at);
  return std::chrono::duration<double, std::milli>(*at).count();
}

void PrintThroughput(bool json, std::string_view name, const Contest& contest) {
  const double pool = PerSecond(contest.pool, kDepth);
  const double raw = PerSecond(contest.raw, kDepth);
  if (json) {
    fmt::print(
        "{{\"bench\": \"postgres\", \"case\": \"{}\", \"depth\": {}, \"pool_per_s\": {:.0f}, \"raw_per_s\": {:.0f}, "
        "\"ratio\": {:.3f}}}\n",
        name, kDepth, pool, raw, pool / raw);
  } else {
    fmt::print("{:<28} pool {:>8.0f}/s   libpq by hand {:>8.0f}/s   ratio {:.2f}   (pipelines of {}, one connection)\n",
               name, pool, raw, pool / raw, kDepth);
  }
}

void PrintLatency(bool json, std::string_view name, std::string_view peer, const Contest& contest) {
  const double p50[] = {QuantileMs(contest.pool, 0.5), QuantileMs(contest.raw, 0.5)};
  const double p99[] = {QuantileMs(contest.pool, 0.99), QuantileMs(contest.raw, 0.99)};
  if (json) {
    fmt::print(
        "{{\"bench\": \"postgres\", \"case\": \"{}\", \"peer\": \"{}\", \"pool_p50_ms\": {:.3f}, "
        "\"pool_p99_ms\": {:.3f}, \"peer_p50_ms\": {:.3f}, \"peer_p99_ms\": {:.3f}, \"ratio\": {:.3f}}}\n",
        name, peer, p50[0], p99[0], p50[1], p99[1], p50[0] / p50[1]);
  } else {
    fmt::print("{:<28} pool p50 {:.3f} ms p99 {:.3f} ms   {} p50 {:.3f} ms p99 {:.3f} ms   ratio of p50 {:.2f}\n", name,
               p50[0], p99[0], peer, p50[1], p99[1], p50[0] / p50[1]);
  }
}

// pgbench on the same path, the same INSERT, with a log of each transaction's duration.
std::vector<Duration> PgBench(const PostgresServer& server, const std::filesystem::path& folder, size_t transactions) {
  const auto options = server.ServiceOptions();
  quantum::testing::Process pgbench(
      {.command = {"/usr/lib/postgresql/15/bin/pgbench", "--no-vacuum", "--host=127.0.0.1",
                   fmt::format("--port={}", options.port), "--username=quantum",
                   fmt::format("--transactions={}", transactions), "--log",
                   fmt::format("--log-prefix={}", (folder / "log").string()),
                   fmt::format("--file={}", (folder / "insert.sql").string()), "quantum_trader"},
       .output = folder / "said",
       .user = {},
       .directory = "/",
       .environment = {"PGPASSWORD=" + options.password}});
  quantum::testing::Eventually(60s, [&] { return !pgbench.Running(); });
  pgbench.Stop();
  std::vector<Duration> durations;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("log")) {
      continue;
    }
    std::ifstream log(entry.path());
    int64_t client = 0;
    int64_t number = 0;
    int64_t us = 0;
    std::string rest;
    while (log >> client >> number >> us && std::getline(log, rest)) {
      durations.push_back(std::chrono::microseconds(us));
    }
    std::filesystem::remove(entry.path());
  }
  QUANTUM_ASSERT(!durations.empty());
  return durations;
}

// The pool's single commits and pgbench's, in turns.
Contest CompeteWithPgBench(const PostgresServer& server, Duration time, const std::function<void()>& pool) {
  const quantum::testing::TemporaryDirectory folder("bench-postgres");
  std::ofstream(folder.path() / "insert.sql") << "INSERT INTO bench (id) VALUES (1);\n";
  Contest contest;
  pool();
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Duration> ours = Repeat(time / (2 * kRounds), pool);
    contest.pool.insert(contest.pool.end(), ours.begin(), ours.end());
    const std::vector<Duration> theirs = PgBench(server, folder.path(), ours.size());
    contest.raw.insert(contest.raw.end(), theirs.begin(), theirs.end());
  }
  return contest;
}

std::vector<Statement> Many(const std::string& sql) {
  std::vector<Statement> statements;
  for (size_t i = 0; i < kDepth; ++i) {
    statements.push_back({sql, {std::to_string(i)}});
  }
  return statements;
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  Duration time = 3s;  // for each case
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") {
      json = true;
    } else {
      time = std::chrono::seconds(std::max(1, std::atoi(argv[i])));
    }
  }
  PostgresServer server({.migrate = false, .fsync = true, .settings = {}});
  quantum::testing::RunInFiber([&](quantum::fiber::Loop& loop) {
    Pool owner(loop, server.OwnerOptions());
    QUANTUM_ASSERT(owner.Query("CREATE TABLE bench (id bigint, at timestamptz DEFAULT now())").ok());
    Pool pool(loop, server.ServiceOptions());
    RawLibpq raw(server.ServiceOptions());
    const auto compete = [&](const std::vector<Statement>& statements) {
      const std::vector<Statement> wrapped = Wrapped(statements);
      return Compete(
          time, [&] { QUANTUM_ASSERT(pool.Batch(statements).ok()); }, [&] { raw.Run(wrapped); });
    };
    PrintThroughput(json, "SELECT $1", compete(Many("SELECT $1::bigint AS id")));
    PrintThroughput(json, "INSERT", compete(Many("INSERT INTO bench (id) VALUES ($1)")));
    const std::vector<Statement> one = {{"INSERT INTO bench (id) VALUES ($1)", {"1"}}};
    PrintLatency(json, "one INSERT, committed", "libpq by hand", compete(one));
    PrintLatency(json, "one INSERT, committed", "pgbench",
                 CompeteWithPgBench(server, time, [&] { QUANTUM_ASSERT(pool.Batch(one).ok()); }));
  });
}
