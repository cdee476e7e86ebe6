#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

// quantum.yml, the one manifest. Every complaint carries the file and the line (`quantum.yml:12: limits.rate: …`), or
// the override it comes from; unknown and repeated keys are errors. Top-level keys: version (1), mode, symbols, bind,
// units, services, market, strategy, servers, limits (schema.h). `mode` is PAPER, TESTNET, or, so that nobody
// trades real money by a typo, {name: LIVE, confirm: real-money}. For one thread at a time.
namespace quantum::config {

enum class Mode { kPaper, kTestnet, kLive };
std::string_view ToString(Mode mode);  // "PAPER", "TESTNET", "LIVE"

// A mapping of the manifest whose reader takes each key it knows and then calls Finish(), which complains about the
// rest. Typed getters complain with file and line about a wrong type or range; the first complaint is kept.
//
//   Section s = manifest.Service("ai-engine");
//   options.horizon = s.GetDuration("horizon", 15min, 1min, 24h);
//   QUANTUM_CHECK(s.Finish());
class Section {
 public:
  class Impl;
  explicit Section(std::shared_ptr<Impl> impl);

  bool Has(std::string_view key) const;
  std::string GetString(std::string_view key, std::string fallback);
  std::string GetChoice(std::string_view key, std::string fallback, const std::vector<std::string>& allowed);
  bool GetBool(std::string_view key, bool fallback);
  int64_t GetInt(std::string_view key, int64_t fallback, int64_t min, int64_t max);
  double GetDouble(std::string_view key, double fallback, double min, double max);
  // "250ms", "30s", "15min", "24h"
  std::chrono::nanoseconds GetDuration(std::string_view key, std::chrono::nanoseconds fallback,
                                       std::chrono::nanoseconds min, std::chrono::nanoseconds max);
  // "64KiB", "100MiB", "2GiB", or a plain number of bytes
  uint64_t GetBytes(std::string_view key, uint64_t fallback, uint64_t min, uint64_t max);
  std::vector<std::string> GetStrings(std::string_view key, std::vector<std::string> fallback);
  std::vector<std::string> GetWords(std::string_view key);  // a list of texts, or one text that is split at blanks
  std::map<std::string, std::string> GetStringMap(std::string_view key);
  Section GetSection(std::string_view key);                // an absent key reads as an empty mapping
  std::vector<Section> GetSections(std::string_view key);  // a list of mappings; absent: none
  // The keys of a mapping whose values somebody else reads and checks; absent: none.
  std::vector<std::string> GetKeys(std::string_view key);
  std::vector<std::string> Keys() const;
  int line() const;
  // Records a complaint of the caller's own about a key ("stop before start").
  void Complain(std::string_view key, std::string_view what);
  // The first complaint of this section and those taken from it, or unknown keys.
  Status Finish();

 private:
  std::shared_ptr<Impl> impl_;
};

// A unit in quantum.yml (every key but `command` may be left out):
//
//   units:
//     redis-1:
//       kind: server                      # server, service or task
//       command: [redis-server, "${ETC}/redis/redis-1.conf"]
//       environment: {KEY: value}
//       user: quantum
//       port: 6379
//       fallback_port: 8088
//       ports: {rest: 8008}               # further ports of its own, by name
//       pid_file: "${DATA}/x/x.pid"       # of a server that it starts and leaves behind when it is killed
//       depends: [other-unit]
//       ready: {http: /health/ready, interval: 200ms, timeout: 2s}  # the other kinds of probe are below
//       live: {http: /health/live, interval: 30s, timeout: 2s, failures_max: 3}
//       start_deadline: 30s
//       stop_deadline: 10s
//       stop_signal: TERM                 # TERM, INT or QUIT
//       restarts_max: 5
//       restart_window: 10min
//       restart_delay: 0s
//       restart_delay_max: 8s
//       retry_interval: 0s
//       halts_entries: false              # true: given up after restarts_max, it halts new entries
//       limits: {memory: 2GiB, open_files: 4096, cpu: 5min}  # of each of its processes; cpu of tasks alone
//     nightly:
//       kind: task
//       command: [...]
//       schedule: daily 02:30 UTC         # or: every 6h. Such a task is no part of the start
//
// How a unit is asked whether it serves (readiness) or still moves (liveness):
//   http: /path       GET is answered 2xx
//   tcp: true         the port accepts a connection
//   exec: [program]   it exits 0
//   redis: ping       PING is answered PONG (not LOADING), logged in as `user` with the password in the secret `secret`
//   redis: any        PING is answered with anything, a refusal included
//   postgres: true    the first step of the protocol is answered, also while the database recovers or is full
// at the unit's port, or with `port: rest` at the one of this name among its `ports`.
struct Probe {
  enum class Kind { kNone, kHttp, kTcp, kExec, kRedis, kPostgres } kind = Kind::kNone;
  std::string target;                  // http: the path; exec: the program; redis: "ping" or "any"
  std::vector<std::string> arguments;  // exec: the program's arguments, with ${VARIABLES} of the operator
  std::string user;                    // redis: empty: the user `default`
  std::string secret;                  // redis: the name of the password's secret; empty: no login
  std::string port;                    // the name of one of the unit's `ports`; empty: its `port`
  std::chrono::nanoseconds interval = std::chrono::seconds(30);
  std::chrono::nanoseconds timeout = std::chrono::seconds(2);
  int failures_max = 3;
};

// What each process of a unit may take; zero: what its starter was allowed. Held by the kernel (setrlimit), at most the
// hard limit of who started the platform.
struct Limits {
  // RLIMIT_DATA: heap and private mappings, touched or not. Not RLIMIT_AS, which would also count files that are mapped
  // and address space that is only reserved: Prometheus and a Redis that forks need more of those than any machine has.
  uint64_t memory_bytes = 0;
  int64_t open_files = 0;          // RLIMIT_NOFILE
  std::chrono::nanoseconds cpu{};  // RLIMIT_CPU: processor time since its start; a task beyond it is killed
};

// When a task runs by itself, in UTC.
struct Schedule {
  enum class Kind { kNone, kDaily, kEvery } kind = Kind::kNone;
  std::chrono::minutes time_of_day{};   // daily: since midnight
  std::chrono::nanoseconds interval{};  // every
  std::string text;                     // as it stands in the manifest
  bool set() const { return kind != Kind::kNone; }
};

struct Unit {
  enum class Kind { kServer, kService, kTask } kind = Kind::kServer;  // a task runs once and must exit 0
  std::string name;
  std::vector<std::string> command;  // ${VARIABLES} are replaced by the operator
  std::map<std::string, std::string> environment;
  std::string user;                  // the user it drops to when started by root; empty: stays as it is
  int port = 0;                      // base port without the offset; 0: none
  std::map<std::string, int> ports;  // further base ports by name, [a-z0-9]+
  std::string pid_file;              // its first line is the pid of what the unit leaves behind when it is killed
  std::vector<std::string> depends;  // units that must be ready (tasks: done) before it starts
  Probe ready;
  Probe live;
  std::chrono::nanoseconds start_deadline = std::chrono::seconds(30);
  std::chrono::nanoseconds stop_deadline = std::chrono::seconds(10);
  int stop_signal = 15;
  int restarts_max = 5;  // within restart_window
  std::chrono::nanoseconds restart_window = std::chrono::minutes(10);
  std::chrono::nanoseconds restart_delay{};  // at least this long between an exit and the restart
  std::chrono::nanoseconds restart_delay_max = std::chrono::seconds(8);  // the longest that the back-off grows to
  std::chrono::nanoseconds retry_interval{};  // beyond restarts_max one try each; zero: stays failed
  int fallback_port = 0;                      // base port to use where `port` cannot be bound; 0: none
  bool halts_entries = false;                 // nothing new is bought or sold once it was given up
  Limits limits;
  Schedule schedule;  // tasks only
  int line = 0;       // where it stands in the manifest
};

// An address as it stands in a URL or a Host header: "127.0.0.1", "[::1]".
std::string InUrl(const std::string& address);

class Manifest {
 public:
  // Reads the file and applies overrides "a.b.c=value" (from the command line). Ports get port_offset added by Port().
  static Result<Manifest> Load(const std::string& path, const std::vector<std::string>& overrides = {},
                               int port_offset = 0);

  // As a service started by the supervisor finds it: QUANTUM_MANIFEST, QUANTUM_OVERRIDES (one a line),
  // QUANTUM_PORT_OFFSET, QUANTUM_STATE_DIR.
  static Result<Manifest> FromEnvironment();

  Mode mode() const;
  // What kind of market is traded on: "synthetic" or "recording" in PAPER, else "binance".
  std::string MarketSource() const;
  const std::vector<std::string>& symbols() const;
  const std::vector<Unit>& units() const;  // in the order of the file
  const Unit* FindUnit(std::string_view name) const;
  int port_offset() const;
  // The port of a unit with the offset; with a name that of its `ports`. An unknown name, or a unit without a port, is
  // an assertion.
  int Port(std::string_view unit, std::string_view name = {}) const;
  // Where services and the gateway listen, 127.0.0.1 unless the manifest says otherwise. Every other server listens on
  // 127.0.0.1 whatever stands here: nobody but this machine has business with Redis, Postgres or Prometheus.
  const std::string& bind_address() const;
  // Where a client on this machine reaches a unit, which must exist; for "every address" that is the loopback.
  std::string AddressOf(std::string_view unit) const;
  const std::string& state_directory() const;  // where data, logs, secrets and sockets live
  const std::string& path() const;

  // What stands at a key ("market.seed"), overrides included, as YAML in one line; empty when nothing does.
  std::string ValueAt(std::string_view key_path) const;

  // services.<name>, market, servers.<name>, limits, backups: read by who owns them.
  Section Service(std::string_view name) const;
  Section Top(std::string_view key) const;

 private:
  struct Impl;
  explicit Manifest(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::config
