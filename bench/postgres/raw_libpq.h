#pragma once

#include <string>
#include <vector>

#include "platform/postgres/pool.h"

struct pg_conn;

namespace quantum::bench {

// The peer: libpq's pipeline mode, blocking, written by hand with nothing around it. Aborts on any error.
class RawLibpq {
 public:
  explicit RawLibpq(const postgres::PoolOptions& options);
  ~RawLibpq();
  RawLibpq(const RawLibpq&) = delete;
  RawLibpq& operator=(const RawLibpq&) = delete;

  // Sends all as one pipeline and reads all answers.
  void Run(const std::vector<postgres::Statement>& statements);

 private:
  pg_conn* connection_;
};

}  // namespace quantum::bench
