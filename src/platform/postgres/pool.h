#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/correlation.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/fiber/fiber.h"

// Postgres through PgBouncer (transaction pooling): asynchronous libpq, pipelined, every statement with a deadline.
// No prepared statements by name, no session state.
namespace quantum::postgres {

// A parameter in text format; nullopt is NULL. Numbers and Decimals are passed as their text.
using Param = std::optional<std::string>;
using Params = std::vector<Param>;

struct Statement {
  std::string sql;  // one statement with $1, $2 …
  Params params;
};

// The rows of one statement. Cells are text as Postgres prints it. Owns the result: views into it live as long as any
// copy. An unknown column, a row out of range, and a number or truth value asked of NULL or of other text are
// assertions.
class Rows {
 public:
  class Impl;
  Rows();
  explicit Rows(std::shared_ptr<const Impl> impl);
  size_t size() const;
  bool empty() const { return size() == 0; }
  int64_t affected() const;  // of INSERT, UPDATE, DELETE
  bool IsNull(size_t row, std::string_view column) const;
  std::string_view Text(size_t row, std::string_view column) const;  // empty for NULL
  int64_t Int(size_t row, std::string_view column) const;
  double Double(size_t row, std::string_view column) const;
  bool Bool(size_t row, std::string_view column) const;
  std::optional<std::string> Optional(size_t row, std::string_view column) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

struct PoolOptions {
  std::string host = "127.0.0.1";  // an address, not a name (a look-up would block), or a socket's directory
  int port = 6432;
  std::string database = "quantum_trader";
  std::string user = "quantum";
  std::string password;
  size_t connections_max = 4;
  size_t waiters_max = 256;  // fibers waiting for a connection; beyond that kExhausted
  Duration connect_timeout = std::chrono::seconds(2);
  // Default deadline of one operation: waiting and retries included.
  Duration statement_timeout = std::chrono::seconds(5);
  Duration retry_total_max = std::chrono::seconds(30);  // no attempt begins later than this
  int attempts_max = 3;
  Duration slow = std::chrono::milliseconds(200);  // slower statements are logged, without their parameters
};

struct CallOptions {
  Duration timeout{};  // zero: PoolOptions::statement_timeout
  // A repeat does no harm (reads; writes with ON CONFLICT DO NOTHING by key): then an unknown outcome is retried too.
  bool idempotent = false;
};

// A transaction on one connection. A failed statement fails the transaction, unless the body goes back to a savepoint.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<Rows> Query(std::string sql, Params params = {}) = 0;
  // All in one round trip; stops at the first error.
  virtual Result<std::vector<Rows>> Batch(std::vector<Statement> statements) = 0;
  // Travels with the next round trip, COMMIT at the latest: for statements whose rows the body does not wait for.
  // That one fails if it does. `answered` is called with its rows, before it is known whether the transaction commits.
  virtual void Queue(Statement statement, std::function<void(const Rows&)> answered = {}) = 0;
  // Travels like what is queued, but is worth no COMMIT of its own: where nothing else is sent, it is not either, and
  // what follows a commit follows at once. For a row that keeps the other effects from happening twice.
  virtual void Guard(Statement statement) = 0;
  // Several statements separated by semicolons, without parameters and without BEGIN or COMMIT: for migrations.
  virtual Status Script(std::string sql) = 0;

  // For effects outside the database, since a body may run again: runs once, in the fiber of Transact, when this
  // transaction has committed; never when it was rolled back or its outcome is not known. May not wait.
  // It has the correlation id of the call.
  void AfterCommit(std::function<void()> effect) { after_commit_.push_back(InThisScope(std::move(effect))); }
  // Likewise, for each attempt of which it is not known whether it commits: it may be on its way and begin later.
  void WhenUnknown(std::function<void()> effect) { when_unknown_.push_back(InThisScope(std::move(effect))); }

  // For the pool.
  using Effects = std::vector<std::function<void()>>;
  Effects TakeAfterCommit() { return std::exchange(after_commit_, {}); }
  Effects TakeWhenUnknown() { return std::exchange(when_unknown_, {}); }

 private:
  static std::function<void()> InThisScope(std::function<void()> effect) {
    return [effect = std::move(effect), id = CurrentCorrelationId()] {
      const CorrelationScope scope(id);
      effect();
    };
  }

  Effects after_commit_;
  Effects when_unknown_;
};

// For fibers of the loop it was made on.
class Pool {
 public:
  // The clock measures deadlines; waiting itself takes real time. random: the jitter of back-offs. Both outlive the
  // pool.
  Pool(fiber::Loop& loop, PoolOptions options, const Clock& clock = SystemClock(), Random& random = SystemRandom());
  ~Pool();

  // One statement in its own transaction. Errors: kUnavailable (no connection within the deadline; nothing was sent),
  // kConflict (23505 unique, 40001, 40P01 after the retries), kUnknownOutcome (sent and the answer is lost, warning
  // 01000), kTimeout, kInvalidArgument (22xxx, 23xxx), kInternal. The message starts with the SQLSTATE.
  Result<Rows> Query(std::string sql, Params params = {}, CallOptions options = {});

  // Several statements as one transaction in one pipeline: BEGIN; SET LOCAL statement_timeout; …; COMMIT.
  Result<std::vector<Rows>> Batch(std::vector<Statement> statements, CallOptions options = {});

  // body runs between BEGIN and COMMIT; returning an error rolls back and is passed on. body may run again after a
  // serialization failure, so it must have no effects but on the database (see AfterCommit). A lost COMMIT answer is
  // kUnknownOutcome.
  Status Transact(const std::function<Status(Transaction&)>& body, CallOptions options = {});

  // For the end of a process: the server is told that its clients go. What is under way keeps its connection until it
  // is over; whatever begins later is kCancelled.
  void Close();

  struct Health {
    Duration latency{};
    size_t connections = 0;
    size_t waiting = 0;
    bool synchronous = false;  // commits wait for a standby (synchronous_standby_names is not empty)
  };
  Result<Health> Check(Duration timeout);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Applies NNNN_name.sql of the directory in order, each in a transaction, under a lock, and records them in
// schema_migrations with a checksum. A changed or missing applied file is refused. Returns how many were applied.
Result<int> Migrate(Pool& pool, const std::string& directory);

}  // namespace quantum::postgres
