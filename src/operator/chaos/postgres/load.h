#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "operator/chaos/postgres/ledger_checker.h"
#include "operator/chaos/postgres/platform.h"
#include "platform/base/random.h"

namespace quantum::operate::chaos {

// The clients of a run: eight as services reach Postgres, through PgBouncer, and one at each node itself, which a
// deposed primary would still serve. What they do goes into the checker. For fibers of the loop.
class Load {
 public:
  static constexpr int kClients = 8;
  static constexpr int kAll = kClients + static_cast<int>(Platform::kNodes);

  // per_second: of all clients together. Everything named outlives it.
  Load(fiber::Loop& loop, const Platform& platform, Random& random, LedgerChecker& checker, int per_second);
  ~Load();  // ends the clients, and waits for them

  void Open();  // they work
  // They begin nothing more; true once each has an outcome. What has none is repeated by its key meanwhile.
  bool Close(Duration limit);

  // Counted from the last Open.
  void Struck();  // the fault struck now; the first call counts
  struct Measured {
    uint64_t acknowledged = 0;
    uint64_t in_flight = 0;                // operations that the fault struck before their outcome
    std::optional<Duration> first_commit;  // from the fault until one begun since was acknowledged, by PgBouncer
    Duration longest_pause{};              // between two acknowledgements by PgBouncer
  };
  Measured measured() const;

 private:
  void Work(int client);
  void Do(int client, postgres::Pool& pool);
  void Settle(const Operation& operation, postgres::Pool& pool);
  void Acknowledge(const Operation& operation, const Receipt& receipt, bool was_unknown, SteadyTime begun);
  Operation Draw(int client);

  fiber::Loop& loop_;
  const Platform& platform_;
  Random& random_;
  LedgerChecker& checker_;
  const int per_second_;
  int64_t last_key_ = 0;
  bool open_ = false;
  bool ending_ = false;
  fiber::Event gate_;
  int working_ = 0;  // clients with an operation under way
  int living_ = 0;
  fiber::Event ended_;
  // Since the last Open.
  uint64_t acknowledged_before_ = 0;
  std::optional<SteadyTime> struck_;
  Measured measured_;
  SteadyTime last_acknowledged_{};
};

}  // namespace quantum::operate::chaos
