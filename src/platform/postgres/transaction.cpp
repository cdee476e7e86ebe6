#include "platform/postgres/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "platform/postgres/sqlstate.h"

namespace quantum::postgres {

namespace {

using Step = Flight::Step;

constexpr Duration kMarginMax = std::chrono::milliseconds(50);
constexpr size_t kParamsMax = 65535;  // of the protocol (Bind counts in 16 bits)
constexpr Duration kRollbackMin = std::chrono::milliseconds(50);

}  // namespace

Duration ServerTimeout(resilience::Deadline deadline) {
  const Duration left = deadline.left();
  return std::max<Duration>(std::chrono::floor<std::chrono::milliseconds>(left - std::min(left / 10, kMarginMax)),
                            std::chrono::milliseconds(1));
}

std::string SetServerTimeout(Duration timeout) {
  return fmt::format("SET LOCAL statement_timeout = {}",
                     std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
}

resilience::Deadline RollbackDeadline(resilience::Deadline deadline) {
  return resilience::Deadline::After(std::max(deadline.left(), kRollbackMin), deadline.clock());
}

std::optional<Failure> CheckStatements(const std::vector<Statement>& statements) {
  for (const Statement& statement : statements) {
    const bool nul = std::any_of(statement.params.begin(), statement.params.end(),
                                 [](const Param& param) { return param && param->find('\0') != std::string::npos; });
    if (nul || statement.sql.find('\0') != std::string::npos) {
      return Failure{.error = MakeError(Errc::kInvalidArgument, "22021", "text with a NUL byte cannot be stored"),
                     .no_effect = true};
    }
    if (statement.params.size() > kParamsMax) {
      return Failure{.error = MakeError(Errc::kInvalidArgument, "54023",
                                        fmt::format("{} parameters; a statement takes {}: split it",
                                                    statement.params.size(), kParamsMax)),
                     .no_effect = true};
    }
  }
  return std::nullopt;
}

// Looks at what a statement came to, and remembers the first failure.
void InteractiveTransaction::Settle(std::optional<Failure>& failure) {
  if (!failure && !connection_.in_transaction()) {
    failure =
        Failure{.error = MakeError(Errc::kInvalidArgument, "25000",
                                   "a statement ended the transaction: BEGIN, COMMIT and ROLLBACK are not its own")};
  }
  if (failure && !failure_) {
    failure_ = failure;
  }
}

// Why no statement can be sent any more.
std::optional<Failure> InteractiveTransaction::Refusal() {
  if (connection_.broken()) {
    return failure_ ? failure_
                    : Failure{.error = MakeError(Errc::kUnavailable, kConnectionLost,
                                                 "the connection was lost; rolled back"),
                              .no_effect = true,
                              .transient = true};
  }
  if (deadline_.passed()) {
    return Failure{.error = MakeError(Errc::kTimeout, kTimedOut, "the transaction's deadline has passed; rolled back"),
                   .no_effect = true};
  }
  return std::nullopt;
}

void InteractiveTransaction::Queue(Statement statement, std::function<void(const Rows&)> answered) {
  queued_.push_back(std::move(statement));
  answered_.push_back(std::move(answered));
}

void InteractiveTransaction::Guard(Statement statement) {
  Queue(std::move(statement), {});
  ++guards_;
}

std::vector<Connection::Command> InteractiveTransaction::Ahead() {
  std::vector<Connection::Command> commands;
  if (!begun_) {
    commands.push_back({Step::kBegin, "BEGIN"});
  }
  // In a failed transaction the server takes nothing but ROLLBACK [TO SAVEPOINT].
  if (const Duration timeout = ServerTimeout(deadline_);
      !begun_ || (timeout < server_timeout_ * 9 / 10 && !connection_.transaction_failed())) {
    server_timeout_ = timeout;
    set_timeout_ = SetServerTimeout(timeout);
    commands.push_back({Step::kSetting, set_timeout_});
  }
  for (const Statement& statement : queued_) {
    commands.push_back({Step::kStatement, statement.sql, &statement.params});
  }
  begun_ = true;
  return commands;
}

Connection::Answer InteractiveTransaction::Run(const std::vector<Statement>& statements) {
  std::optional<Failure> refusal = Refusal();
  for (const auto* all : {&std::as_const(queued_), &statements}) {
    if (!refusal) {
      refusal = CheckStatements(*all);
    }
  }
  if (refusal) {
    Settle(refusal);
    return {.rows = {}, .failure = std::move(refusal)};
  }
  std::vector<Connection::Command> commands = Ahead();
  for (const Statement& statement : statements) {
    commands.push_back({Step::kStatement, statement.sql, &statement.params});
  }
  Connection::Answer answer = connection_.Run(commands, deadline_);
  AnswerQueued(answer.rows);
  Settle(answer.failure);
  return answer;
}

void InteractiveTransaction::AnswerQueued(std::vector<Rows>& rows) {
  const size_t count = std::min(queued_.size(), rows.size());
  for (size_t i = 0; i < count; ++i) {
    if (answered_[i]) {
      answered_[i](rows[i]);
    }
  }
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count));
  queued_.clear();
  answered_.clear();
}

Result<Rows> InteractiveTransaction::Query(std::string sql, Params params) {
  std::vector<Statement> one;
  one.push_back({std::move(sql), std::move(params)});
  QUANTUM_TRY(std::vector<Rows> rows, Batch(std::move(one)));
  return std::move(rows.front());
}

Result<std::vector<Rows>> InteractiveTransaction::Batch(std::vector<Statement> statements) {
  Connection::Answer answer = Run(statements);
  if (answer.failure) {
    return std::move(answer.failure->error);
  }
  return std::move(answer.rows);
}

Status InteractiveTransaction::Script(std::string sql) {
  if (!begun_ || !queued_.empty()) {
    if (auto answer = Run({}); answer.failure) {
      return std::move(answer.failure->error);
    }
  }
  std::optional<Failure> failure = Refusal();
  if (!failure) {
    failure = connection_.RunScript(sql, deadline_);
  }
  Settle(failure);
  if (failure) {
    return std::move(failure->error);
  }
  return {};
}

std::optional<Failure> InteractiveTransaction::Commit() {
  if (!begun_ && queued_.size() == guards_) {
    return std::nullopt;  // nothing was done
  }
  std::optional<Failure> refusal = Refusal();
  if (!refusal && begun_ && (connection_.transaction_failed() || !connection_.in_transaction())) {
    refusal = failure_;
  }
  if (!refusal) {
    refusal = CheckStatements(queued_);
  }
  if (refusal) {
    Rollback();
    return refusal;
  }
  std::vector<Connection::Command> commands = Ahead();
  commands.push_back({Step::kSetting, kNoServerTimeout});
  commands.push_back({Step::kCommit, "COMMIT"});
  Connection::Answer answer = connection_.Run(commands, deadline_);
  AnswerQueued(answer.rows);
  Rollback();  // a refused COMMIT has ended the transaction already; then this does nothing
  return std::move(answer.failure);
}

void InteractiveTransaction::Rollback() { connection_.Rollback(RollbackDeadline(deadline_)); }

}  // namespace quantum::postgres
