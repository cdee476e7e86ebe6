#include "platform/postgres/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "platform/base/random.h"
#include "platform/postgres/connections.h"
#include "platform/postgres/probe.h"
#include "platform/postgres/sqlstate.h"
#include "platform/postgres/transaction.h"

namespace quantum::postgres {

namespace {

using resilience::Deadline;
using Step = Flight::Step;

// The first waits at most so long: a rival transaction is over soon, a server that restarts is not (PgBouncer asks for
// it once a second).
constexpr Duration kContentionBackoff = std::chrono::milliseconds(10);
constexpr Duration kOutageBackoff = std::chrono::milliseconds(500);

// One attempt at an operation.
template <class T>
using Attempt = std::variant<T, Failure>;

// No connection: nothing was sent.
Failure NoConnection(Error error) {
  const bool transient = error.code == Errc::kUnavailable;
  return {.error = std::move(error), .no_effect = true, .transient = transient};
}

}  // namespace

class Pool::Impl {
 public:
  Impl(fiber::Loop& loop, PoolOptions options, const Clock& clock, Random& random)
      : options_(options),
        clock_(clock),
        random_(random),
        connections_(std::make_shared<Connections>(loop, std::move(options), clock)) {}

  Result<std::vector<Rows>> Batch(Operation operation, const std::vector<Statement>& statements, CallOptions call) {
    if (auto invalid = CheckStatements(statements)) {
      return std::move(invalid->error);
    }
    return Retry<std::vector<Rows>>(operation, call, [&](Deadline deadline) { return TryBatch(statements, deadline); });
  }

  Status Transact(const std::function<Status(Transaction&)>& body, CallOptions call) {
    const auto done = Retry<std::monostate>(Operation::kTransaction, call,
                                            [&](Deadline deadline) { return TryTransact(body, deadline); });
    return done ? Status() : Status(done.error());
  }

  void Close() { connections_->Close(); }

  Result<Health> Check(Duration timeout) {
    const SteadyTime since = clock_.Steady();
    auto connection = connections_->Acquire(Deadline::After(timeout, clock_));
    if (!connection) {
      return connection.error();
    }
    constexpr std::string_view kQuestion = "SELECT current_setting('synchronous_standby_names') <> '' AS synchronous";
    const std::array<Connection::Command, 1> commands = {{{Step::kStatement, kQuestion}}};
    auto answer = (*connection)->Run(commands, Deadline::After(since + timeout - clock_.Steady(), clock_));
    if (answer.failure) {
      return std::move(answer.failure->error);
    }
    return Health{.latency = clock_.Steady() - since,
                  .connections = connections_->open(),
                  .waiting = connections_->waiting(),
                  .synchronous = answer.rows.front().Bool(0, "synchronous")};
  }

 private:
  template <class T, class Try>
  Result<T> Retry(Operation operation, CallOptions call, Try&& attempt) {
    const Duration timeout = call.timeout > Duration::zero() ? call.timeout : options_.statement_timeout;
    const SteadyTime since = clock_.Steady();
    const Deadline deadline = Deadline::After(timeout, clock_);
    resilience::Backoff contention({.base = kContentionBackoff}, random_);
    resilience::Backoff outage({.base = kOutageBackoff}, random_);
    bool in_doubt = false;  // an attempt may have been committed: that a later one had no effect does not settle it
    for (int count = 1;; ++count) {
      Attempt<T> outcome = attempt(deadline);
      const auto now = clock_.Steady();
      if (auto* value = std::get_if<T>(&outcome)) {
        Report(operation, nullptr, now - since);
        return std::move(*value);
      }
      Failure& failure = std::get<Failure>(outcome);
      in_doubt = in_doubt || failure.error.code == Errc::kUnknownOutcome;
      const Duration wait = failure.error.code == Errc::kConflict ? contention.Next() : outage.Next();
      const bool again = failure.RetrySafe(call.idempotent) && count < options_.attempts_max &&
                         now + wait < std::min(since + options_.retry_total_max, deadline.at());
      if (!again) {
        if (in_doubt && failure.error.code != Errc::kUnknownOutcome) {
          failure.error = MakeError(
              Errc::kUnknownOutcome, kOutcomeUnknown,
              fmt::format("an earlier attempt may be committed, and the last one failed: {}", failure.error.message));
        }
        if (count > 1) {
          failure.error.message += fmt::format(" (attempt {})", count);
        }
        Report(operation, &failure.error, now - since);
        return std::move(failure.error);
      }
      fiber::SleepFor(wait);
    }
  }

  Attempt<std::vector<Rows>> TryBatch(const std::vector<Statement>& statements, Deadline deadline) {
    auto connection = connections_->Acquire(deadline);
    if (!connection) {
      return NoConnection(connection.error());
    }
    if (deadline.passed()) {
      return Failure{.error = MakeError(Errc::kTimeout, kTimedOut, "the deadline passed before anything was sent"),
                     .no_effect = true};
    }
    const std::string set = SetServerTimeout(ServerTimeout(deadline));
    std::vector<Connection::Command> commands = {{Step::kBegin, "BEGIN"}, {Step::kSetting, set}};
    for (const Statement& statement : statements) {
      commands.push_back({Step::kStatement, statement.sql, &statement.params});
    }
    commands.push_back({Step::kSetting, kNoServerTimeout});
    commands.push_back({Step::kCommit, "COMMIT"});
    Connection::Answer answer = (*connection)->Run(commands, deadline);
    if (answer.failure) {
      (*connection)->Rollback(RollbackDeadline(deadline));
      return std::move(*answer.failure);
    }
    return std::move(answer.rows);
  }

  Attempt<std::monostate> TryTransact(const std::function<Status(Transaction&)>& body, Deadline deadline) {
    auto connection = connections_->Acquire(deadline);
    if (!connection) {
      return NoConnection(connection.error());
    }
    InteractiveTransaction transaction(**connection, deadline);
    if (Status status = body(transaction); !status.ok()) {
      transaction.Rollback();
      // The body's error, which may say more than the statement's; what is certain, and whether a repeat may help, is
      // the statement's.
      Failure failure = transaction.failure().value_or(Failure{.error = {}, .no_effect = true});
      failure.error = status.error();
      return failure;
    }
    const auto failure = transaction.Commit();
    const bool unknown = failure && failure->error.code == Errc::kUnknownOutcome;
    if (!failure || unknown) {
      for (const auto& effect : unknown ? transaction.TakeWhenUnknown() : transaction.TakeAfterCommit()) {
        effect();
      }
    }
    if (failure) {
      return *failure;
    }
    return std::monostate{};
  }

  PoolOptions options_;
  const Clock& clock_;
  Random& random_;
  std::shared_ptr<Connections> connections_;
};

Pool::Pool(fiber::Loop& loop, PoolOptions options, const Clock& clock, Random& random)
    : impl_(std::make_shared<Impl>(loop, std::move(options), clock, random)) {}
Pool::~Pool() = default;

Result<Rows> Pool::Query(std::string sql, Params params, CallOptions options) {
  const auto impl = impl_;  // outlives the handle while this fiber waits
  std::vector<Statement> one;
  one.push_back({std::move(sql), std::move(params)});
  QUANTUM_TRY(std::vector<Rows> rows, impl->Batch(Operation::kQuery, one, options));
  return std::move(rows.front());
}

Result<std::vector<Rows>> Pool::Batch(std::vector<Statement> statements, CallOptions options) {
  const auto impl = impl_;
  return impl->Batch(Operation::kBatch, statements, options);
}

Status Pool::Transact(const std::function<Status(Transaction&)>& body, CallOptions options) {
  const auto impl = impl_;
  return impl->Transact(body, options);
}

void Pool::Close() { impl_->Close(); }

Result<Pool::Health> Pool::Check(Duration timeout) {
  const auto impl = impl_;
  return impl->Check(timeout);
}

}  // namespace quantum::postgres
