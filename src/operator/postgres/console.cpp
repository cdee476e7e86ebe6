#include "operator/postgres/console.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace quantum::operate {

namespace {

constexpr const char* kDatabase = "quantum_trader";

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Waits for the answer to what was sent; kTimeout when none comes in time.
Result<Answer> Await(PGconn* connection, Duration patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (PQisBusy(connection) != 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd asked{.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&asked, 1, static_cast<int>(left.count())) == 0) {
      return Error{Errc::kTimeout,
                   fmt::format("PgBouncer has not answered within {} ms",
                               std::chrono::duration_cast<std::chrono::milliseconds>(patience).count())};
    }
    if (PQconsumeInput(connection) == 0) {
      return Error{Errc::kUnavailable, Trimmed(PQerrorMessage(connection))};
    }
  }
  Answer answer(PQgetResult(connection), PQclear);
  while (PGresult* rest = PQgetResult(connection)) {
    PQclear(rest);
  }
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    return Error{Errc::kConflict, Trimmed(PQresultErrorMessage(answer.get()))};
  }
  return answer;
}

Result<Answer> Run(PGconn* connection, const std::string& command, Duration patience) {
  if (PQsendQuery(connection, command.c_str()) == 0) {
    return Error{Errc::kUnavailable, Trimmed(PQerrorMessage(connection))};
  }
  return Await(connection, patience);
}

constexpr std::chrono::seconds kPatience(5);

}  // namespace

Result<PgBouncerConsole> PgBouncerConsole::Open(const PostgresAccess& access) {
  const std::string port = std::to_string(access.console_port);
  const char* const keys[] = {"hostaddr", "port", "dbname", "user", "password", "connect_timeout", "passfile", nullptr};
  const char* const values[] = {access.console_host.c_str(),     port.c_str(), "pgbouncer", "quantum_admin",
                                access.console_password.c_str(), "3",          "/dev/null", nullptr};
  PGconn* const connection = PQconnectdbParams(keys, values, 0);
  PgBouncerConsole console(connection);
  if (PQstatus(connection) != CONNECTION_OK) {
    return Error{Errc::kUnavailable, fmt::format("PgBouncer's console: {}", Trimmed(PQerrorMessage(connection)))};
  }
  return console;
}

PgBouncerConsole::~PgBouncerConsole() { PQfinish(connection_); }

PgBouncerConsole::PgBouncerConsole(PgBouncerConsole&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

Status PgBouncerConsole::Pause(Duration patience) {
  const auto answer = Run(connection_, fmt::format("PAUSE {}", kDatabase), patience);
  return answer.ok() ? Status() : Status(answer.error());
}

Status PgBouncerConsole::Resume() {
  const auto answer = Run(connection_, fmt::format("RESUME {}", kDatabase), kPatience);
  const bool was_not = !answer.ok() && answer.error().message.find("not paused") != std::string::npos;
  return answer.ok() || was_not ? Status() : Status(answer.error());
}

Result<PgBouncerConsole::Pool> PgBouncerConsole::Show() {
  QUANTUM_TRY(const Answer answer, Run(connection_, "SHOW POOLS", kPatience));
  Pool pool;
  const auto number = [&](int row, const char* column) -> int64_t {
    const int index = PQfnumber(answer.get(), column);
    return index < 0 ? 0 : std::atoll(PQgetvalue(answer.get(), row, index));
  };
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    if (std::string_view(PQgetvalue(answer.get(), row, 0)) == kDatabase) {
      pool.clients += number(row, "cl_active");
      pool.waiting += number(row, "cl_waiting");
      pool.servers += number(row, "sv_active") + number(row, "sv_idle") + number(row, "sv_used");
      pool.longest_wait_ms =
          std::max(pool.longest_wait_ms, number(row, "maxwait") * 1000 + number(row, "maxwait_us") / 1000);
    }
  }
  return pool;
}

}  // namespace quantum::operate
