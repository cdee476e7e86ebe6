#include "tests/platform/database.h"

#include <stdexcept>

#include "tests/support/postgres_server.h"

namespace quantum::testing {

postgres::PoolOptions DatabaseOf(const Stack& stack) {
  postgres::PoolOptions options;
  options.port = stack.Port("pgbouncer");
  options.password = stack.Secret("postgres-service");
  options.connections_max = 1;
  return options;
}

namespace {

postgres::Rows Run(const Stack& stack, const std::string& sql, const postgres::Params& params = {}) {
  const postgres::PoolOptions options = DatabaseOf(stack);
  postgres::Rows answer;
  std::string failure;
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, options);
    const auto rows = pool.Query(sql, params, {.timeout = seconds(10), .idempotent = true});
    if (rows.ok()) {
      answer = *rows;
    } else {
      failure = rows.error().message;
    }
  });
  if (!failure.empty()) {
    throw std::runtime_error("no answer to " + sql + ": " + failure);
  }
  return answer;
}

// Of a question with one number, named n.
int64_t AskNumber(const Stack& stack, const std::string& sql, const postgres::Params& params = {}) {
  return Run(stack, sql, params).Int(0, "n");
}

}  // namespace

void Execute(const Stack& stack, const std::string& sql) { Run(stack, sql); }

int64_t CountRows(const Stack& stack, const std::string& table) {
  return AskNumber(stack, "SELECT count(*) AS n FROM " + table);
}

bool HeartbeatSince(const Stack& stack, const std::string& moment) {
  return AskNumber(stack, "SELECT count(*) AS n FROM heartbeat WHERE at > $1::timestamptz", {moment}) > 0;
}

// By psql: the pool makes a transaction of every statement, and this one may stand in none.
void DropDatabase(const Stack& stack) {
  TemporaryDirectory directory("quantum-drop");
  const std::filesystem::path said = directory.path() / "said";
  Process psql(
      {.command = {"psql", "--host=127.0.0.1", "--port=" + std::to_string(stack.Port("haproxy")), "--username=postgres",
                   "--dbname=postgres", "--command=DROP DATABASE quantum_trader WITH (FORCE)"},
       .output = said,
       .user = {},
       .directory = "/",
       .environment = {"PGPASSWORD=" + stack.Secret("postgres-superuser")}});
  if (!Eventually(seconds(30), [&] { return !psql.Running(); }) || psql.Stop().value_or(1) != 0) {
    throw std::runtime_error("the database could not be dropped: " + ReadFile(said));
  }
}

}  // namespace quantum::testing
