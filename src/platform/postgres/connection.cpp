#include "platform/postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "platform/postgres/probe.h"
#include "platform/postgres/rows_impl.h"
#include "platform/postgres/socket.h"
#include "platform/postgres/sqlstate.h"

namespace quantum::postgres {

namespace {

std::string FirstLine(const char* message) {
  const std::string_view text(message == nullptr ? "" : message);
  return std::string(text.substr(0, text.find('\n')));
}

std::string Field(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string() : std::string(text);
}

// Without DETAIL, which quotes the row's values.
std::string MessageOf(const PGresult* result) {
  std::string message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  return message.empty() ? FirstLine(PQresultErrorMessage(result)) : message;
}

bool IsFatal(const PGresult* result) {
  const std::string severity = Field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity == "FATAL" || severity == "PANIC" || Field(result, PG_DIAG_SEVERITY) == "FATAL";
}

std::shared_ptr<PGresult> Own(PGresult* result) { return {result, PQclear}; }

}  // namespace

class Connection::Impl {
 public:
  explicit Impl(fiber::Loop& loop) : socket(loop) {}
  ~Impl() {
    socket.Release();
    PQfinish(conn);
  }

  static void OnNotice(void* self, const PGresult* notice) {
    const auto impl = static_cast<Impl*>(self);
    if (impl->flight != nullptr && Field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "WARNING") {
      impl->flight->OnWarning(Field(notice, PG_DIAG_SQLSTATE), MessageOf(notice));
    }
  }

  PGconn* conn = nullptr;
  Socket socket;
  Flight* flight = nullptr;  // whose answers come in at the moment
  Duration slow{};
  bool unsent = false;  // libpq holds bytes that the kernel has not taken yet
};

Connection::Connection() = default;
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(fiber::Loop& loop, const PoolOptions& options, Deadline deadline) {
  const std::string port = std::to_string(options.port);
  const std::string target = fmt::format("{}:{}/{} as {}", options.host, port, options.database, options.user);
  // Loopback only: no TLS to negotiate. The same application name everywhere, so that PgBouncer need not set it.
  const std::array<const char*, 10> keys = {
      "host", "port", "dbname", "user", "password", "sslmode", "gssencmode", "client_encoding", "application_name",
      nullptr};
  const std::array<const char*, 10> values = {options.host.c_str(),
                                              port.c_str(),
                                              options.database.c_str(),
                                              options.user.c_str(),
                                              options.password.c_str(),
                                              "disable",
                                              "disable",
                                              "UTF8",
                                              "quantum_trader",
                                              nullptr};
  std::unique_ptr<Connection> connection(new Connection);
  connection->impl_ = std::make_unique<Impl>(loop);
  Impl& impl = *connection->impl_;
  impl.slow = options.slow;
  impl.conn = PQconnectStartParams(keys.data(), values.data(), 0);
  QUANTUM_ASSERT(impl.conn != nullptr);  // else out of memory

  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (PQstatus(impl.conn) != CONNECTION_BAD && wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    // libpq may open another socket in each step, so the loop borrows it anew.
    if (!impl.socket.Assign(PQsocket(impl.conn))) {
      return MakeError(Errc::kUnavailable, kCannotConnect, fmt::format("cannot watch the socket to {}", target));
    }
    if (!impl.socket.Wait(wanted == PGRES_POLLING_READING, wanted == PGRES_POLLING_WRITING, deadline.left())) {
      return MakeError(Errc::kUnavailable, kCannotConnect,
                       fmt::format("{} did not accept the connection in time", target));
    }
    impl.socket.Release();
    wanted = PQconnectPoll(impl.conn);
  }
  if (PQstatus(impl.conn) != CONNECTION_OK) {
    const std::string why = FirstLine(PQerrorMessage(impl.conn));
    const bool refused = why.find("authentication failed") != std::string::npos;  // libpq 15 keeps no SQLSTATE of this
    return MakeError(refused ? Errc::kPermission : Errc::kUnavailable, refused ? "28P01" : kCannotConnect,
                     fmt::format("connecting to {}: {}", target, why));
  }
  if (!impl.socket.Assign(PQsocket(impl.conn)) || PQsetnonblocking(impl.conn, 1) != 0 ||
      PQenterPipelineMode(impl.conn) != 1) {
    return MakeError(Errc::kUnavailable, kCannotConnect, FirstLine(PQerrorMessage(impl.conn)));
  }
  PQsetNoticeReceiver(impl.conn, &Impl::OnNotice, &impl);
  return connection;
}

bool Connection::in_transaction() const { return PQtransactionStatus(impl_->conn) != PQTRANS_IDLE; }
bool Connection::transaction_failed() const { return PQtransactionStatus(impl_->conn) == PQTRANS_INERROR; }

bool Connection::Usable() {
  if (broken_ || in_transaction()) {
    return false;
  }
  pollfd descriptor{PQsocket(impl_->conn), POLLIN, 0};
  if (poll(&descriptor, 1, 0) == 0) {
    return true;
  }
  // Something came in unasked: a notice or a parameter is fine, the end of the connection is not.
  broken_ = PQconsumeInput(impl_->conn) != 1 || PQisBusy(impl_->conn) != 0 || PQstatus(impl_->conn) != CONNECTION_OK ||
            (descriptor.revents & (POLLHUP | POLLERR)) != 0;
  return !broken_;
}

// True when PQgetResult would not block; false when the deadline passed. A loss counts as ready: the result says so.
bool Connection::Ready(Deadline deadline) {
  PGconn* const conn = impl_->conn;
  while (true) {
    if (impl_->unsent) {
      impl_->unsent = PQflush(conn) == 1;
    }
    if (PQisBusy(conn) == 0) {
      return true;
    }
    if (!impl_->socket.Wait(true, impl_->unsent, deadline.left())) {
      return false;
    }
    if (PQconsumeInput(conn) != 1) {
      return true;
    }
  }
}

Failure Connection::NotSent(std::string_view what) {
  const bool lost = PQstatus(impl_->conn) != CONNECTION_OK;
  broken_ = true;
  return {.error = MakeError(lost ? Errc::kUnavailable : Errc::kInvalidArgument, lost ? kConnectionLost : "08P01",
                             fmt::format("{} could not be sent: {}", what, FirstLine(PQerrorMessage(impl_->conn)))),
          .no_effect = true,
          .transient = lost};
}

Connection::Answer Connection::Run(std::span<const Command> commands, Deadline deadline) {
  QUANTUM_ASSERT(!broken_);
  Answer answer;
  std::vector<Flight::Step> steps;
  for (const Command& command : commands) {
    steps.push_back(command.step);
  }
  Flight flight(std::move(steps));

  // Until the Sync is in libpq's hands COMMIT cannot have been executed: it is the last statement.
  broken_ = true;  // also when this fiber is unwound on the way
  std::vector<const char*> values;
  for (const Command& command : commands) {
    values.clear();
    if (command.params != nullptr) {
      for (const Param& param : *command.params) {
        values.push_back(param ? param->c_str() : nullptr);
      }
    }
    if (PQsendQueryParams(impl_->conn, std::string(command.sql).c_str(), static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, 0) != 1) {
      answer.failure = NotSent("a statement");
      return answer;
    }
  }
  impl_->unsent = true;
  if (PQpipelineSync(impl_->conn) != 1) {
    flight.OnLost("the connection was lost while sending");
  }
  impl_->flight = &flight;
  const SteadyTime since = deadline.clock().Steady();
  broken_ = !Collect(flight, deadline, answer);
  impl_->flight = nullptr;
  if (const Duration took = deadline.clock().Steady() - since; took > impl_->slow) {
    // The server sends all answers of a pipeline at its end, so only the whole can be timed.
    const auto own = std::ranges::find(commands, Flight::Step::kStatement, &Command::step);
    const auto count = std::ranges::count(commands, Flight::Step::kStatement, &Command::step);
    ReportSlow(own == commands.end() ? commands.back().sql : own->sql, static_cast<size_t>(count), took);
  }
  answer.failure = flight.failure();
  return answer;
}

// All answers and the Sync behind them; false when the connection is out of step afterwards.
bool Connection::Collect(Flight& flight, Deadline deadline, Answer& answer) {
  while (!flight.finished()) {
    if (!Ready(deadline)) {
      flight.OnDeadline();
      return false;
    }
    Interpret(flight, Own(PQgetResult(impl_->conn)), answer);
    // Each statement's answers end with a null, which libpq has at once.
    if (PQstatus(impl_->conn) != CONNECTION_OK || PQgetResult(impl_->conn) != nullptr) {
      flight.OnLost("the connection was lost");
      return false;
    }
  }
  if (flight.ended() || !Ready(deadline)) {
    return false;
  }
  const auto sync = Own(PQgetResult(impl_->conn));
  return sync != nullptr && PQresultStatus(sync.get()) == PGRES_PIPELINE_SYNC;
}

void Connection::Interpret(Flight& flight, std::shared_ptr<pg_result> result, Answer& answer) {
  switch (PQresultStatus(result.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY: {
      const bool wanted = flight.current() == Flight::Step::kStatement;
      flight.OnDone(PQcmdStatus(result.get()));
      if (wanted) {
        answer.rows.emplace_back(std::make_shared<Rows::Impl>(std::move(result)));
      }
      return;
    }
    case PGRES_PIPELINE_ABORTED:
      flight.OnSkipped();
      return;
    case PGRES_FATAL_ERROR:
      if (const std::string sqlstate = Field(result.get(), PG_DIAG_SQLSTATE); !sqlstate.empty()) {
        flight.OnError(sqlstate, MessageOf(result.get()), IsFatal(result.get()));
        return;
      }
      flight.OnLost(MessageOf(result.get()));
      return;
    default:  // COPY, which has no place in a pipeline, or no result at all
      flight.OnLost(fmt::format("unexpected answer {}", PQresStatus(PQresultStatus(result.get()))));
      return;
  }
}

std::optional<Failure> Connection::RunScript(const std::string& sql, Deadline deadline) {
  QUANTUM_ASSERT(!broken_);
  broken_ = true;
  if (PQexitPipelineMode(impl_->conn) != 1 || PQsendQuery(impl_->conn, sql.c_str()) != 1) {
    return NotSent("a script");
  }
  impl_->unsent = true;
  std::optional<Failure> failure;
  while (true) {
    // The transaction is ours to commit, so whatever ends here without COMMIT is rolled back.
    if (!Ready(deadline)) {
      return Failure{.error = MakeError(Errc::kTimeout, kTimedOut, "the deadline passed within a script"),
                     .no_effect = true};
    }
    const auto result = Own(PQgetResult(impl_->conn));
    if (result == nullptr) {
      break;
    }
    if (const ExecStatusType status = PQresultStatus(result.get());
        status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY && !failure) {
      std::string sqlstate = Field(result.get(), PG_DIAG_SQLSTATE);
      sqlstate = sqlstate.empty() ? std::string(kConnectionLost) : sqlstate;
      failure = Failure{.error = MakeError(ErrcOf(sqlstate), sqlstate, MessageOf(result.get())),
                        .no_effect = true,
                        .transient = IsTransient(sqlstate) || IsSerializationFailure(sqlstate)};
      if (status != PGRES_FATAL_ERROR) {
        return failure;  // COPY: out of step
      }
    }
  }
  broken_ = PQstatus(impl_->conn) != CONNECTION_OK || PQenterPipelineMode(impl_->conn) != 1;
  return failure;
}

void Connection::Rollback(Deadline deadline) {
  if (broken_ || !in_transaction()) {
    return;
  }
  const std::array<Command, 1> rollback = {{{Flight::Step::kSetting, "ROLLBACK"}}};
  Run(rollback, deadline);
}

}  // namespace quantum::postgres
