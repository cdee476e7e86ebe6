#include "bench/postgres/raw_libpq.h"

#include <libpq-fe.h>

#include "platform/base/assert.h"

namespace quantum::bench {

RawLibpq::RawLibpq(const postgres::PoolOptions& options) {
  const std::string port = std::to_string(options.port);
  const char* keys[] = {"host", "port", "dbname", "user", "password", "sslmode", "application_name", nullptr};
  const char* values[] = {options.host.c_str(),     port.c_str(), options.database.c_str(), options.user.c_str(),
                          options.password.c_str(), "disable",    "quantum_trader",         nullptr};
  connection_ = PQconnectdbParams(keys, values, 0);
  QUANTUM_ASSERT(PQstatus(connection_) == CONNECTION_OK);
  QUANTUM_ASSERT(PQenterPipelineMode(connection_) == 1);
}

RawLibpq::~RawLibpq() { PQfinish(connection_); }

void RawLibpq::Run(const std::vector<postgres::Statement>& statements) {
  std::vector<const char*> values;
  for (const postgres::Statement& statement : statements) {
    values.clear();
    for (const postgres::Param& param : statement.params) {
      values.push_back(param ? param->c_str() : nullptr);
    }
    QUANTUM_ASSERT(PQsendQueryParams(connection_, statement.sql.c_str(), static_cast<int>(values.size()), nullptr,
                                     values.data(), nullptr, nullptr, 0) == 1);
  }
  QUANTUM_ASSERT(PQpipelineSync(connection_) == 1);
  for (size_t i = 0; i < statements.size(); ++i) {
    PGresult* const result = PQgetResult(connection_);
    QUANTUM_ASSERT(PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK);
    PQclear(result);
    QUANTUM_ASSERT(PQgetResult(connection_) == nullptr);
  }
  PGresult* const sync = PQgetResult(connection_);
  QUANTUM_ASSERT(PQresultStatus(sync) == PGRES_PIPELINE_SYNC);
  PQclear(sync);
}

}  // namespace quantum::bench
