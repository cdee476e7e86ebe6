#include "operator/backup/scratch.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include "operator/bus/connect.h"
#include "operator/state/stage.h"
#include "platform/config/secrets.h"

namespace quantum::operate {

namespace {

using namespace std::chrono_literals;

constexpr auto kScratchPoll = 100ms;
constexpr auto kStopMax = 60s;
constexpr int kPort = 5432;  // names the socket alone
constexpr int kWords = 8;

// Without hot_standby recovery does not compare settings such as max_connections with the primary's.
constexpr const char* kConfiguration = R"(data_directory = '{data}'
hba_file = '{folder}/pg_hba.conf'
ident_file = ''
external_pid_file = ''
listen_addresses = ''
port = {port}
unix_socket_directories = '{folder}'
unix_socket_permissions = 0700
max_connections = 20
wal_level = replica
hot_standby = off
archive_mode = off
shared_buffers = 128MB
maintenance_work_mem = 64MB
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
)";

bool EndedWithin(pid_t pid, std::chrono::steady_clock::duration limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (true) {
    const pid_t ended = ::waitpid(pid, nullptr, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) {
      return true;
    }
    if (std::chrono::steady_clock::now() >= until) {
      return false;
    }
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace

Result<std::unique_ptr<Scratch>> Scratch::Start(const Running& running, const PgBackRest& program,
                                                const std::string& data) {
  std::unique_ptr<Scratch> scratch(new Scratch);
  scratch->folder_ = fmt::format("{}/scratch-{}", running.layout.Run(), ::getpid());
  scratch->log_ = scratch->folder_ + "/log";
  QUANTUM_TRY(scratch->password_, config::ReadSecret(running.layout.Secrets(), config::kPostgresSuperuser));
  QUANTUM_CHECK(MakeFolder(scratch->folder_, 0700, program.account()));
  const Account* const account = program.account();
  const FileOwner owner = account != nullptr ? FileOwner{account->uid, account->gid} : FileOwner{};
  QUANTUM_CHECK(WriteFileAtomically(scratch->folder_ + "/pg_hba.conf", "local all all scram-sha-256\n", 0600, owner));
  QUANTUM_CHECK(WriteFileAtomically(scratch->folder_ + "/postgresql.conf",
                                    fmt::format(fmt::runtime(kConfiguration), fmt::arg("data", data),
                                                fmt::arg("folder", scratch->folder_), fmt::arg("port", kPort)),
                                    0600, owner));
  QUANTUM_TRY(scratch->pid_, program.Start({fmt::format("{}/postgres", kPostgresPrograms),
                                            "--config-file=" + scratch->folder_ + "/postgresql.conf"},
                                           scratch->log_));
  return scratch;
}

Scratch::~Scratch() {
  static_cast<void>(Stop());
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

bool Scratch::Ended() {
  if (pid_ > 0 && EndedWithin(pid_, 0s)) {
    pid_ = 0;
  }
  return pid_ == 0;
}

std::string Scratch::LastWords() const { return Tail(log_, kWords); }

postgres::PoolOptions Scratch::Options() const {
  postgres::PoolOptions options;
  options.host = folder_;
  options.port = kPort;
  options.user = "postgres";
  options.password = password_;
  options.connections_max = 1;
  return options;
}

// Asked in the database `postgres`. One that is dropped stands in the catalogue until the drop commits: first it is
// marked as invalid (a limit of -2 connections), then its files go.
std::optional<bool> Scratch::HasDatabase() const {
  std::optional<bool> has;
  static_cast<void>(InFiber([&](fiber::Loop& loop) -> Status {
    postgres::PoolOptions options = Options();
    const std::string database = std::exchange(options.database, "postgres");
    postgres::Pool pool(loop, options);
    const auto rows = pool.Query(
        "SELECT pg_is_in_recovery() AS recovers, coalesce((SELECT pg_database_size(oid) FROM pg_database WHERE datname "
        "= $1 AND datconnlimit <> -2), 0) > 0 AS has",
        {database}, {.timeout = 2s, .idempotent = true});
    if (rows.ok() && !rows->Bool(0, "recovers")) {
      has = rows->Bool(0, "has");
    }
    return {};
  }));
  return has;
}

Status Scratch::AwaitRecovered(Duration limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    if (const std::optional<bool> has_database = HasDatabase()) {
      return *has_database ? Status()
                           : Error{Errc::kInternal,
                                   "the log was replayed into a DROP DATABASE: between the moment wanted and the drop "
                                   "nothing was committed at which to stop. --time wants an earlier moment, by a "
                                   "second or more"};
    }
    if (Ended()) {
      return Error{Errc::kInternal, fmt::format("the restored database does not start:\n{}", LastWords())};
    }
    std::this_thread::sleep_for(kScratchPoll);
  }
  return Error{Errc::kTimeout, fmt::format("the restored database has not replayed its log in time:\n{}", LastWords())};
}

Status Scratch::Stop() {
  if (Ended()) {
    return {};
  }
  ::kill(pid_, SIGINT);
  if (!EndedWithin(pid_, kStopMax)) {
    ::kill(pid_, SIGQUIT);
    EndedWithin(pid_, kStopMax);
    return Error{Errc::kTimeout, "the restored database did not stop in time"};
  }
  pid_ = 0;
  return {};
}

}  // namespace quantum::operate
