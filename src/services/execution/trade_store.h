#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "trading/tradestore/compare.h"
#include "trading/tradestore/state.h"

namespace quantum::execution {

// The trades as people read them. Trading itself always writes to Postgres, in the transaction of its orders and
// events, and starts from there. While a desk moves from the old system's SQLite file (docs/tradestore.md), this brings
// what was written to the file too, compares the two, and reads from the one that the phase says: the file until
// `./quantum tradestore switch`, Postgres from then on. All of that happens on a thread of its own, so that a slow disk
// or a locked file costs no order; where nobody migrates it asks once a second, and that is all.
class TradeStore {
 public:
  // `options` of the connection that the thread has. Both outlive it.
  TradeStore(postgres::Pool& pool, postgres::PoolOptions options, const Clock& clock);
  ~TradeStore();
  TradeStore(const TradeStore&) = delete;
  TradeStore& operator=(const TradeStore&) = delete;

  void Start();
  // What is under way is finished, as far as the limit goes; false: it is not. For a fiber.
  void BeginStop();
  bool AwaitStopped(Duration limit);

  // For fibers of the pool's loop. Newest first; empty status or symbol: any. Errors: the pool's, the file's.
  Result<std::vector<tradestore::TradeRow>> List(const std::string& status, const std::string& symbol, int limit);
  Result<std::optional<tradestore::TradeRow>> Find(const std::string& trade_id);

  bool ReadsFile() const { return !stopped_ && phase_ == tradestore::Phase::kDual; }
  // What an operator has to know; empty: nothing. Thread-safe.
  std::string Trouble() const;

 private:
  struct Files;
  void Follow();  // the queue, to the file
  void KeepComparing();
  Status Look();  // what the phase is; opens and closes the file
  std::optional<tradestore::TradeRow> Read(const tradestore::LegacyRow& row) const;
  Error NotOpen() const;
  void SetTrouble(std::string& topic, std::string what);

  postgres::Pool& pool_;
  postgres::PoolOptions options_;
  const Clock& clock_;
  std::atomic<tradestore::Phase> phase_ = tradestore::Phase::kNone;

  // Of the thread.
  fiber::Loop loop_{"tradestore"};
  std::unique_ptr<postgres::Pool> own_pool_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<fiber::Event> stopping_;
  int running_ = 0;  // fibers
  std::thread thread_;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> ended_ = true;  // the thread has nothing to do any more

  mutable std::mutex mutex_;
  std::string mirror_trouble_;      // guarded by mutex_
  std::string difference_trouble_;  // guarded by mutex_
};

}  // namespace quantum::execution
