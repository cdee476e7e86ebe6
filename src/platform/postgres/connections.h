#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "platform/postgres/connection.h"

namespace quantum::postgres {

// The pool's connections and the queue for them: first come, first served, both bounded. For fibers of one loop.
class Connections : public std::enable_shared_from_this<Connections> {
 public:
  Connections(fiber::Loop& loop, PoolOptions options, const Clock& clock)
      : loop_(loop), options_(std::move(options)), clock_(clock) {}

  // A connection on loan. Comes back by itself; one that is out of step or within a transaction is closed instead.
  class Lease {
   public:
    Lease(std::shared_ptr<Connections> owner, std::unique_ptr<Connection> connection)
        : owner_(std::move(owner)), connection_(std::move(connection)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }

   private:
    std::shared_ptr<Connections> owner_;
    std::unique_ptr<Connection> connection_;
  };

  // Errors: kUnavailable (none became free in time, or no connection can be made), kPermission, kExhausted (too many
  // wait already).
  Result<Lease> Acquire(resilience::Deadline deadline);

  // Closes what is idle, ends the queue, and closes what is on loan when it comes back. From now on kCancelled.
  void Close();

  size_t open() const { return open_; }
  size_t waiting() const { return waiters_.size(); }
  const PoolOptions& options() const { return options_; }

 private:
  // A fiber in the queue, given either a connection or the right to open one.
  struct Waiter {
    fiber::Event turn;
    std::unique_ptr<Connection> connection;
    bool may_open = false;
  };

  Result<std::unique_ptr<Connection>> Take(resilience::Deadline deadline);
  Result<std::unique_ptr<Connection>> WaitTurn(resilience::Deadline deadline);
  Result<std::unique_ptr<Connection>> Open(resilience::Deadline deadline);
  void GiveBack(std::unique_ptr<Connection> connection);
  void FreePlace();

  fiber::Loop& loop_;
  PoolOptions options_;
  const Clock& clock_;
  bool closed_ = false;
  size_t open_ = 0;                                // connections that exist or are being opened
  std::vector<std::unique_ptr<Connection>> idle_;  // last in, first out: the rest may stay cold
  std::deque<Waiter*> waiters_;
};

}  // namespace quantum::postgres
