#pragma once

#include <deque>
#include <memory>
#include <string>

#include "platform/bus/bus.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "services/execution/change_set.h"
#include "services/execution/lease.h"

namespace quantum::execution {

// Writes change sets to Postgres in the order in which they were made: each batch is one transaction of rows and outbox
// events. While Postgres is away the changes wait here (and entries are refused, since their intents cannot be
// committed); what is lost with the process is found again by reconciliation, since the venue is the truth.
//
// Nothing is written without the lease: a batch of one that has lost it is rolled back.
//
// A batch whose COMMIT had no answer is looked up before it is written again, so that its events go out once.
class Writer final : public ChangeSink, public std::enable_shared_from_this<Writer> {
 public:
  Writer(postgres::Pool& pool, bus::Bus& bus, const Lease& lease, std::string mode, const Clock& clock)
      : pool_(pool), bus_(bus), lease_(lease), mode_(std::move(mode)), clock_(clock) {}

  void Start(fiber::Loop& loop);  // the fiber ends with Stop()
  void Enqueue(ChangeSet changes) override;
  bool WaitWritten(Duration timeout) override;
  bool Awaits(const std::string& client_order_id) const override;
  void Stop();  // flushes what it can within a second

  size_t pending() const { return queue_.size(); }
  Duration behind(SteadyTime now) const;  // how long writing has failed; zero: it works

 private:
  static constexpr size_t kBatchMax = 128;
  void Run();
  Status WriteBatch(size_t count);
  Result<bool> IsWritten(size_t count);
  void DropPoisoned(const Error& error);

  postgres::Pool& pool_;
  bus::Bus& bus_;
  const Lease& lease_;
  std::string mode_;
  const Clock& clock_;
  std::deque<ChangeSet> queue_;
  uint64_t enqueued_ = 0;
  uint64_t written_ = 0;
  bool one_by_one_ = false;     // a batch was refused: find the change that the schema does not take
  bool maybe_written_ = false;  // the batch at the front may be committed
  size_t maybe_count_ = 0;
  bool failing_ = false;
  SteadyTime failing_since_{};
  bool stopping_ = false;
  fiber::Event work_;
  fiber::Event progress_;
};

}  // namespace quantum::execution
