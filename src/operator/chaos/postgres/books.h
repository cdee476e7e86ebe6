#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "operator/chaos/postgres/operation.h"
#include "platform/postgres/pool.h"

namespace quantum::operate::chaos {

// Everything that the database holds of the run.
struct Books {
  struct Transfer {
    int64_t key = 0;
    int source = 0;
    int target = 0;
    int64_t amount = 0;
  };
  struct Trade {
    int64_t key = 0;
    int client = 0;
  };
  std::vector<Transfer> transfers;
  std::vector<Trade> trades;
  std::map<int, int64_t> balances;  // by account
  std::map<int, int64_t> counted;   // trades by client, as counted in the transactions that wrote them
};

// Where a transaction was committed.
struct Receipt {
  int port = 0;           // the node's
  uint32_t timeline = 0;  // of its log: each promotion begins a new one
  bool applied = false;   // false: the key was there already
};

// For fibers.
Status MakeBooks(postgres::Pool& owner, int clients);
// Errors as of Pool::Query.
Result<Receipt> Execute(postgres::Pool& pool, const Operation& operation, postgres::CallOptions options);
Result<Books> ReadBooks(postgres::Pool& pool);

}  // namespace quantum::operate::chaos
