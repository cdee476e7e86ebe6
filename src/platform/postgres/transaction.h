#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/postgres/connection.h"

namespace quantum::postgres {

// One interactive transaction on one connection. BEGIN travels with the first statement, the last that are queued with
// COMMIT; every statement carries a statement_timeout that ends it on the server before our own deadline, so that the
// connection stays usable.
class InteractiveTransaction final : public Transaction {
 public:
  InteractiveTransaction(Connection& connection, resilience::Deadline deadline)
      : connection_(connection), deadline_(deadline) {}

  Result<Rows> Query(std::string sql, Params params) override;
  Result<std::vector<Rows>> Batch(std::vector<Statement> statements) override;
  void Queue(Statement statement, std::function<void(const Rows&)> answered) override;
  void Guard(Statement statement) override;
  Status Script(std::string sql) override;

  // How it ended: nothing, or the failure. Rolls back instead when a statement failed and was not made good.
  std::optional<Failure> Commit();
  void Rollback();

  // The first failure of a statement, which may have made the body fail.
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  std::optional<Failure> Refusal();
  // What goes ahead of the next statements: BEGIN, the time left, what is queued.
  std::vector<Connection::Command> Ahead();
  // Takes the answers to what was queued out of those of the round trip that it travelled with.
  void AnswerQueued(std::vector<Rows>& rows);
  Connection::Answer Run(const std::vector<Statement>& statements);
  void Settle(std::optional<Failure>& failure);

  Connection& connection_;
  resilience::Deadline deadline_;
  bool begun_ = false;
  Duration server_timeout_{};  // the statement_timeout in force
  std::string set_timeout_;    // the statement that set it
  std::vector<Statement> queued_;
  size_t guards_ = 0;                                       // so many of those are guards, until the first round trip
  std::vector<std::function<void(const Rows&)>> answered_;  // one for each that is queued, perhaps empty
  std::optional<Failure> failure_;
};

// The statement_timeout that ends a statement on the server a little before the deadline ends it here, whole
// milliseconds, at least 1.
Duration ServerTimeout(resilience::Deadline deadline);
std::string SetServerTimeout(Duration timeout);
// Before COMMIT: it is never cancelled, since a cancelled wait for the standby leaves a commit that may be lost.
inline constexpr std::string_view kNoServerTimeout = "SET LOCAL statement_timeout = 0";

// ROLLBACK may outlive the deadline by 50 ms: it keeps the connection.
resilience::Deadline RollbackDeadline(resilience::Deadline deadline);

// Parameters that Postgres cannot hold: text with a NUL byte, too many of them.
std::optional<Failure> CheckStatements(const std::vector<Statement>& statements);

}  // namespace quantum::postgres
