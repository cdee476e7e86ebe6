#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/postgres_files.h"

namespace quantum::testing {

namespace {

namespace fs = std::filesystem;
using postgres_files::kOwnerPassword;
using postgres_files::kServicePassword;
using postgres_files::kSuperuserPassword;
using postgres_files::MakeDirectory;

const std::string kBin = "/usr/lib/postgresql/15/bin/";
constexpr auto kStartTimeout = std::chrono::seconds(30);

bool Accepts(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool accepts = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return accepts;
}

// Dead, even if nobody has reaped it yet: its memory is released.
bool IsGone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  if (!std::getline(file, stat)) {
    return true;
  }
  const size_t state = stat.rfind(')') + 2;
  return state < stat.size() && (stat[state] == 'Z' || stat[state] == 'X');
}

}  // namespace

PostgresServer::PostgresServer(Options options) : directory_("quantum-postgres") {
  // The user postgres passes through, but does not look around.
  fs::permissions(directory_.path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  const std::vector<int> ports = FreePorts(2);
  port_ = ports[0];
  pgbouncer_port_ = ports[1];
  const fs::path secrets = directory_.path() / "secrets";
  fs::create_directory(secrets);
  const fs::path config = MakeDirectory(directory_.path() / "config");
  const auto secret = [&](const std::string& name, const std::string& password) {
    WriteFile(secrets / name, password + "\n");
    return (secrets / name).string();
  };
  variables_ = {
      {"PG_PORT", std::to_string(port_)},
      {"PG_DATA_DIR", (MakeDirectory(directory_.path() / "state") / "data").string()},
      {"PG_CONFIG_DIR", config.string()},
      {"PG_SOCKET_DIR", MakeDirectory(directory_.path() / "socket").string()},
      {"PG_HOST", "127.0.0.1"},
      {"PG_SHARED_BUFFERS", "64MB"},
      {"PG_UPSTREAM_HOST", "127.0.0.1"},
      {"PG_UPSTREAM_PORT", std::to_string(port_)},
      {"PG_READ_PORT", std::to_string(port_)},
      {"PGBOUNCER_PORT", std::to_string(pgbouncer_port_)},
      {"PGBOUNCER_CONFIG_DIR", config.string()},
      {"PG_SUPERUSER_PASSWORD_FILE", secret("superuser", kSuperuserPassword)},
      {"PG_OWNER_PASSWORD_FILE", secret("owner", kOwnerPassword)},
      {"PG_SERVICE_PASSWORD_FILE", secret("service", kServicePassword)},
      {"PG_REPLICATION_PASSWORD_FILE", secret("replication", "test-password-of-replication")},
      {"PGBOUNCER_ADMIN_PASSWORD_FILE", secret("admin", "test-password-of-admin")},
      {"PGBOUNCER_STATS_PASSWORD_FILE", secret("stats", "test-password-of-stats")},
      {"PG_WAIT_SECONDS", "30"},
  };
  postgres_files::Render("postgresql.conf", config, variables_);
  postgres_files::Render("pg_hba.conf", config, variables_);
  postgres_files::Render("pgbouncer.ini", config, variables_);
  WriteFile(config / "local.conf",
            "archive_mode = off\n" + std::string(options.fsync ? "" : "fsync = off\n") + options.settings);
  postgres_files::GiveTo(config / "local.conf");

  MakeData(options.fsync);
  StartPostgres();
  Bootstrap("roles");
  Bootstrap("userlist");
  StartPgBouncer();
  if (options.migrate) {
    Result<int> done = 0;
    RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool owner(loop, OwnerOptions());
      done = postgres::Migrate(owner, (postgres_files::Infra() / "migrations").string());
    });
    if (!done) {
      throw std::runtime_error("migrating: " + done.error().message);
    }
  }
}

PostgresServer::~PostgresServer() {
  if (pgbouncer_) {
    pgbouncer_->Stop();
  }
  if (postgres_) {
    postgres_->Stop(std::chrono::seconds(10), SIGINT);
  }
}

void PostgresServer::MakeData(bool fsync) {
  const fs::path password = directory_.path() / "superuser";
  WriteFile(password, std::string(kSuperuserPassword) + "\n");
  postgres_files::GiveTo(password);
  std::vector<std::string> command{kBin + "initdb",        "--pgdata=" + (directory_.path() / "state/data").string(),
                                   "--username=postgres",  "--pwfile=" + password.string(),
                                   "--auth=scram-sha-256", "--data-checksums",
                                   "--encoding=UTF8",      "--locale=C.UTF-8"};
  if (!fsync) {
    command.emplace_back("--no-sync");
  }
  const fs::path log = directory_.path() / "initdb.log";
  const auto initdb = postgres_files::Serve(std::move(command), log);
  if (!Eventually(kStartTimeout, [&] { return !initdb->Running(); }) || initdb->Stop().value_or(1) != 0) {
    throw std::runtime_error("initdb failed: " + ReadFile(log));
  }
}

void PostgresServer::Bootstrap(const std::string& task) {
  postgres_files::Bootstrap(task, variables_, directory_.path() / "bootstrap.log");
}

void PostgresServer::StartPostgres() {
  if (postgres_ && postgres_->Running()) {
    return;
  }
  const fs::path config = directory_.path() / "config/postgresql.conf";
  postgres_ = postgres_files::Serve({kBin + "postgres", "--config-file=" + config.string()},
                                    directory_.path() / "postgres.log");
  const bool ready = Eventually(kStartTimeout, [&] {
    Process probe({.command = {kBin + "pg_isready", "--quiet", "--host=127.0.0.1", "--port=" + std::to_string(port_)},
                   .output = {},
                   .user = {},
                   .directory = "/",
                   .environment = {}});
    Eventually(std::chrono::seconds(5), [&] { return !probe.Running(); });
    return probe.Stop().value_or(1) == 0 || !postgres_->Running();
  });
  if (!ready || !postgres_->Running()) {
    throw std::runtime_error("Postgres does not start: " + PostgresLog());
  }
}

void PostgresServer::BeginAsStandby() {
  const fs::path signal = directory_.path() / "state/data/standby.signal";
  WriteFile(signal, "");
  postgres_files::GiveTo(signal);
}

void PostgresServer::Promote() {
  postgres::PoolOptions options = OwnerOptions();
  options.user = "postgres";
  options.password = kSuperuserPassword;
  bool promoted = false;
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool superuser(loop, options);
    const auto answer = superuser.Query("SELECT pg_promote() AS promoted");
    promoted = answer.ok() && answer->Bool(0, "promoted");
  });
  if (!promoted) {
    throw std::runtime_error("the standby is not promoted: " + PostgresLog());
  }
}

void PostgresServer::StartPgBouncer() {
  if (pgbouncer_ && pgbouncer_->Running()) {
    return;
  }
  const fs::path config = directory_.path() / "config/pgbouncer.ini";
  pgbouncer_ = postgres_files::Serve({"/usr/sbin/pgbouncer", config.string()}, directory_.path() / "pgbouncer.log");
  if (!Eventually(kStartTimeout, [&] { return Accepts(pgbouncer_port_) || !pgbouncer_->Running(); }) ||
      !pgbouncer_->Running()) {
    throw std::runtime_error("PgBouncer does not start: " + PgBouncerLog());
  }
}

void PostgresServer::KillPostgres() {
  const std::string pid = std::to_string(postgres_->pid());
  // Stopped first, else it would start new ones; and all of them go, else the next start finds their memory in use.
  postgres_->Signal(SIGSTOP);
  std::istringstream children(ReadFile("/proc/" + pid + "/task/" + pid + "/children"));
  std::vector<pid_t> all;
  for (pid_t child = 0; children >> child;) {
    all.push_back(child);
  }
  postgres_->Kill();
  for (const pid_t child : all) {
    ::kill(child, SIGKILL);
  }
  // A killed process holds the shared memory until it really is gone, and the next start would refuse.
  for (const pid_t child : all) {
    if (!Eventually(std::chrono::seconds(20), [child] { return IsGone(child); })) {
      throw std::runtime_error("a process of Postgres survives SIGKILL: pid " + std::to_string(child));
    }
  }
}

void PostgresServer::KillPgBouncer() { pgbouncer_->Kill(); }
void PostgresServer::DrainPgBouncer() { pgbouncer_->Stop(std::chrono::seconds(30), SIGINT); }

postgres::PoolOptions PostgresServer::ServiceOptions() const {
  postgres::PoolOptions options;
  options.port = pgbouncer_port_;
  options.password = kServicePassword;
  return options;
}

postgres::PoolOptions PostgresServer::OwnerOptions() const {
  postgres::PoolOptions options;
  options.port = port_;
  options.user = "quantum_owner";
  options.password = kOwnerPassword;
  options.connections_max = 1;
  return options;
}

std::string PostgresServer::PostgresLog() const { return ReadFile(directory_.path() / "postgres.log"); }
std::string PostgresServer::UserList() const { return ReadFile(directory_.path() / "config/userlist.txt"); }
std::string PostgresServer::PgBouncerLog() const { return ReadFile(directory_.path() / "pgbouncer.log"); }

}  // namespace quantum::testing
