#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "operator/postgres/access.h"
#include "platform/base/clock.h"

struct pg_conn;

namespace quantum::operate {

// PgBouncer's admin console. Blocks; for one thread. https://www.pgbouncer.org/usage.html#admin-console
class PgBouncerConsole {
 public:
  static Result<PgBouncerConsole> Open(const PostgresAccess& access);
  ~PgBouncerConsole();
  PgBouncerConsole(PgBouncerConsole&&) noexcept;

  // Of the services' database. What is under way ends, what comes waits in PgBouncer. kTimeout: something would not
  // end; nothing waits then.
  Status Pause(Duration patience);
  // Harmless when nothing was paused.
  Status Resume();

  struct Pool {
    int64_t clients = 0;  // that have a server connection
    int64_t waiting = 0;  // that wait for one
    int64_t servers = 0;  // connections to Postgres, in use or idle
    int64_t longest_wait_ms = 0;
  };
  Result<Pool> Show();

 private:
  explicit PgBouncerConsole(pg_conn* connection) : connection_(connection) {}
  pg_conn* connection_;  // owned
};

}  // namespace quantum::operate
