#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/postgres/flight.h"
#include "platform/postgres/pool.h"
#include "platform/resilience/resilience.h"

struct pg_conn;
struct pg_result;

namespace quantum::postgres {

// One connection of libpq in pipeline mode, driven by fibers; one fiber at a time. Broken for good after anything that
// leaves it out of step with the server (loss, deadline, a fatal error): then it is only good for closing.
class Connection {
 public:
  using Deadline = resilience::Deadline;

  // Errors: kUnavailable (refused, not in time), kPermission (password).
  static Result<std::unique_ptr<Connection>> Open(fiber::Loop& loop, const PoolOptions& options, Deadline deadline);
  ~Connection();  // closes; a transaction that is open is rolled back by the server
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  struct Command {
    Flight::Step step;
    std::string_view sql;
    const Params* params = nullptr;
  };
  struct Answer {
    std::vector<Rows> rows;  // one for each kStatement that was answered
    std::optional<Failure> failure;
  };
  // Sends the commands as one pipeline and reads all answers.
  Answer Run(std::span<const Command> commands, Deadline deadline);

  // Several statements by the simple protocol, for migrations. Outside a transaction this is one of its own.
  std::optional<Failure> RunScript(const std::string& sql, Deadline deadline);

  // Rolls back what is open; a connection that does not answer is broken.
  void Rollback(Deadline deadline);

  // Whether the next operation may use it: in step, outside a transaction, and the peer has not gone. One system call.
  bool Usable();
  bool broken() const { return broken_; }
  bool in_transaction() const;  // open, failed or not
  bool transaction_failed() const;

 private:
  class Impl;
  Connection();
  Failure NotSent(std::string_view what);
  bool Ready(Deadline deadline);
  bool Collect(Flight& flight, Deadline deadline, Answer& answer);
  void Interpret(Flight& flight, std::shared_ptr<pg_result> result, Answer& answer);

  std::unique_ptr<Impl> impl_;
  bool broken_ = false;
};

}  // namespace quantum::postgres
