#pragma once

#include <memory>
#include <string>

#include "platform/postgres/pool.h"
#include "tests/support/process.h"
#include "tests/support/run_in_fiber.h"

namespace quantum::testing {

// Postgres behind PgBouncer, as infra/postgres describes them: its templates rendered, its bootstrap run, in a
// temporary directory, on free ports of 127.0.0.1. Started by root, both run as the user postgres. Everything goes with
// the object, and with the thread that started it.
class PostgresServer {
 public:
  struct Options {
    bool migrate = true;   // apply infra/postgres/migrations
    bool fsync = false;    // on for tests about durability and for benchmarks
    std::string settings;  // further lines for postgresql.conf
  };
  explicit PostgresServer(Options options);
  PostgresServer() : PostgresServer(Options{}) {}
  ~PostgresServer();

  int port() const { return port_; }                      // Postgres itself
  int pgbouncer_port() const { return pgbouncer_port_; }  // what services use
  pid_t postgres_pid() const { return postgres_->pid(); }
  pid_t pgbouncer_pid() const { return pgbouncer_->pid(); }

  postgres::PoolOptions ServiceOptions() const;  // role quantum, through PgBouncer
  postgres::PoolOptions OwnerOptions() const;    // role quantum_owner, directly: for Migrate

  // SIGKILL to the server and all its children, at once. PgBouncer stays.
  void KillPostgres();
  // Starts what is not running and waits until it accepts.
  void StartPostgres();
  // From the next start on: reads and no writes, until it is promoted.
  void BeginAsStandby();
  void Promote();
  void KillPgBouncer();
  void DrainPgBouncer();  // as the platform stops it; returns when it has ended
  void StartPgBouncer();

  // Runs a task of infra/postgres/bootstrap.sh (again).
  void MakeData(bool fsync);
  void Bootstrap(const std::string& task);

  std::string PostgresLog() const;
  std::string PgBouncerLog() const;
  std::string UserList() const;  // of PgBouncer

 private:
  TemporaryDirectory directory_;
  int port_ = 0;
  int pgbouncer_port_ = 0;
  std::vector<std::pair<std::string, std::string>> variables_;
  std::unique_ptr<Process> postgres_;
  std::unique_ptr<Process> pgbouncer_;
};

}  // namespace quantum::testing
