// bench-postgres-clients [--json] [--clients N] [--seconds S]: N clients (pgbench) that commit a row each time, through
// PgBouncer and, in the same run, straight to Postgres: first connected once, then anew for each transaction. Shows how
// many connections Postgres had to serve, and the processor time of Postgres and PgBouncer together for a transaction.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "bench/command_line/command_line.h"
#include "platform/log/setup.h"
#include "tests/support/postgres_server.h"

namespace quantum::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using quantum::testing::PostgresServer;
using quantum::testing::RunInFiber;

constexpr int kServerConnectionsMax = 25;  // max_db_connections of pgbouncer.ini
constexpr int kThreads = 2;

// Seconds of processor time of a process and all that it has waited for.
double ProcessorTime(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) {
    fields >> skipped;  // state to cmajflt
  }
  double sum = 0;
  for (int i = 0; i < 4; ++i) {  // utime, stime, cutime, cstime
    double ticks = 0;
    fields >> ticks;
    sum += ticks;
  }
  return sum / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", parent));
  for (pid_t child = 0; file >> child;) {
    children.push_back(child);
  }
  return children;
}

// The most connections of the services' role that Postgres had at one time, looked at ten times a second.
class Connections {
 public:
  explicit Connections(const PostgresServer& server)
      : thread_([this, options = server.OwnerOptions()] {
          RunInFiber([&](fiber::Loop& loop) {
            postgres::Pool pool(loop, options);
            while (!stop_) {
              const auto rows = pool.Query("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'quantum'");
              most_ = std::max(most_.load(), rows.ok() ? rows->Int(0, "n") : 0);
              fiber::SleepFor(100ms);
            }
          });
        }) {}
  ~Connections() { Stop(); }
  int64_t Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
    return most_;
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> most_ = 0;
  std::thread thread_;
};

struct Result {
  double per_second = 0;
  double processor_us = 0;  // Postgres and PgBouncer, a transaction
  int64_t connections = 0;  // of Postgres
  int64_t failed = 0;
};

double Number(const std::string& text, const std::string& pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? std::stod(match[1]) : 0;
}

Result Load(const PostgresServer& server, const fs::path& folder, bool pooled, bool anew, int clients, int seconds) {
  const fs::path said = folder / fmt::format("pgbench-{}-{}.out", pooled, anew);
  const postgres::PoolOptions options = server.ServiceOptions();
  std::vector<std::string> command = {"/usr/lib/postgresql/15/bin/pgbench",
                                      "--no-vacuum",
                                      "--host=127.0.0.1",
                                      fmt::format("--port={}", pooled ? server.pgbouncer_port() : server.port()),
                                      "--username=quantum",
                                      fmt::format("--client={}", clients),
                                      fmt::format("--jobs={}", kThreads),
                                      fmt::format("--time={}", seconds),
                                      fmt::format("--file={}", (folder / "commit.sql").string()),
                                      "quantum_trader"};
  if (anew) {
    command.insert(command.begin() + 1, "--connect");
  }
  const auto spent = [&] {
    double sum = ProcessorTime(server.postgres_pid()) + ProcessorTime(server.pgbouncer_pid());
    for (const pid_t child : ChildrenOf(server.postgres_pid())) {
      sum += ProcessorTime(child);
    }
    return sum;
  };
  Connections connections(server);
  const double before = spent();
  quantum::testing::Process pgbench({.command = std::move(command),
                                     .output = said,
                                     .user = {},
                                     .directory = "/",
                                     .environment = {"PGPASSWORD=" + options.password}});
  quantum::testing::Eventually(std::chrono::seconds(seconds + 120), [&] { return !pgbench.Running(); });
  pgbench.Stop();
  // Backends that have ended count for their parent once it has noticed.
  const double after = spent();
  const std::string text = quantum::testing::ReadFile(said);
  const double done = Number(text, "actually processed: ([0-9]+)");
  if (done == 0) {
    throw std::runtime_error("pgbench: " + text);
  }
  return {.per_second = Number(text, "tps = ([0-9.]+)"),
          .processor_us = (after - before) / done * 1e6,
          .connections = connections.Stop(),
          .failed = static_cast<int64_t>(Number(text, "failed transactions: ([0-9]+)"))};
}

struct Pair {
  const char* name;
  Result direct;
  Result pooled;
  double fewer() const {
    return 1 - static_cast<double>(pooled.connections) / static_cast<double>(std::max<int64_t>(direct.connections, 1));
  }
  double cheaper() const { return 1 - pooled.processor_us / direct.processor_us; }
};

void Show(const Pair& pair, bool json) {
  if (json) {
    fmt::print(R"({{"case": "{}", "direct_per_s": {:.0f}, "pooled_per_s": {:.0f}, "direct_connections": {}, )"
               R"("pooled_connections": {}, "fewer": {:.3f}, "direct_cpu_us": {:.0f}, "pooled_cpu_us": {:.0f}, )"
               R"("cheaper": {:.3f}, "failed": {}}})"
               "\n",
               pair.name, pair.direct.per_second, pair.pooled.per_second, pair.direct.connections,
               pair.pooled.connections, pair.fewer(), pair.direct.processor_us, pair.pooled.processor_us,
               pair.cheaper(), pair.direct.failed + pair.pooled.failed);
    return;
  }
  fmt::print("{}\n  straight:  {:>7.0f}/s, {:>4} connections of Postgres, {:>6.0f} us of processor a transaction\n",
             pair.name, pair.direct.per_second, pair.direct.connections, pair.direct.processor_us);
  fmt::print("  PgBouncer: {:>7.0f}/s, {:>4} connections of Postgres, {:>6.0f} us of processor a transaction\n",
             pair.pooled.per_second, pair.pooled.connections, pair.pooled.processor_us);
  fmt::print("  {:.1f} times the throughput, {:.1f} % fewer connections, {:.0f} % less processor time, {} failed\n",
             pair.pooled.per_second / pair.direct.per_second, pair.fewer() * 100, pair.cheaper() * 100,
             pair.direct.failed + pair.pooled.failed);
}

int Main(int argc, char** argv) {
  CommandLine line("Many clients of Postgres, through PgBouncer and straight");
  bool json = false;
  int clients = 1000;
  int seconds = 10;
  line.AddFlag("--json", json, "One JSON object a case");
  line.Add("--clients", &clients, 1, 1000, "At one time");
  line.Add("--seconds", &seconds, 1, 3600, "For each of four loads");
  if (const auto ended = line.Parse(argc, argv)) {
    return *ended;
  }
  log::SetLevel(log::Level::kError);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  PostgresServer server({.migrate = false, .fsync = true, .settings = "max_connections = 1100\n"});
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool owner(loop, server.OwnerOptions());
    QUANTUM_ASSERT(owner.Query("CREATE TABLE committed (at timestamptz DEFAULT now())").ok());
  });
  const quantum::testing::TemporaryDirectory folder("bench-clients");
  std::ofstream(folder.path() / "commit.sql") << "INSERT INTO committed DEFAULT VALUES;\n";
  std::vector<Pair> pairs = {{.name = "connected once", .direct = {}, .pooled = {}},
                             {.name = "connected anew for each transaction", .direct = {}, .pooled = {}}};
  for (Pair& pair : pairs) {
    const bool anew = &pair == &pairs.back();
    pair.direct = Load(server, folder.path(), false, anew, clients, seconds);
    pair.pooled = Load(server, folder.path(), true, anew, clients, seconds);
    server.KillPgBouncer();  // with its idle connections, which are not those of the next clients
    server.StartPgBouncer();
    Show(pair, json);
  }
  const bool good =
      pairs[0].pooled.connections <= kServerConnectionsMax && pairs[0].fewer() >= 0.95 && pairs[1].cheaper() >= 0.8;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) { return quantum::bench::Main(argc, argv); }
