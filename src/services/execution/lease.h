#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "services/execution/lease_core.h"

namespace quantum::execution {

// One writer per account (docs/decisions/0016): execution's processes take turns by a lease in Postgres. For fibers of
// one loop.
class Lease {
 public:
  // `pool` should be the lease's own, with a short deadline: a renewal that waits for others' statements comes late.
  // `holder`: unique to this process's life; what follows an '@' is its ProcessName, by which a process of the same
  // machine knows that it has ended.
  Lease(postgres::Pool& pool, std::string account, std::string holder, const Clock& clock)
      : pool_(pool), account_(std::move(account)), holder_(std::move(holder)), clock_(clock) {}

  // Waits until the lease is ours. standing_by is called with true once another is seen to hold it. An error: Postgres
  // cannot be asked (try again), or kCancelled: `stopping`.
  Status Acquire(fiber::Event& stopping, const std::function<void(bool)>& standing_by);
  // Renews until `stopping`; `lost` is called once, when another has taken it: this process may do nothing any more.
  void Keep(fiber::Event& stopping, const std::function<void()>& lost);
  // At a planned stop, when nothing is sent any more: who waits need not wait out the time.
  void Release();

  bool held() const { return token_ != 0; }
  int64_t token() const { return token_; }  // 0: never held
  // Ok while the lease holds for at least `needed` more: how long a request may stay on its way and still be carried
  // out. kConflict otherwise.
  Status MaySend(Duration needed) const;
  // Postgres cannot be asked, for longer than the lease holds or since this process began: then what only reduces may
  // still be sent.
  bool PostgresAway() const { return held() ? term_.PostgresAway(clock_.Boot()) : no_answer_; }

  // In every transaction that writes for the account, ahead of what it writes of it: fails (kCancelled) when another
  // process writes. It holds up a takeover until the transaction ends.
  postgres::Statement Fence() const;

 private:
  Result<LeaseRow> Read();
  Result<bool> Take(const LeaseRow& row);
  Result<bool> Renew();

  postgres::Pool& pool_;
  const std::string account_;
  const std::string holder_;
  const Clock& clock_;
  LeaseTerm term_;
  int64_t token_ = 0;
  bool no_answer_ = false;  // to the last question who holds it
};

}  // namespace quantum::execution
