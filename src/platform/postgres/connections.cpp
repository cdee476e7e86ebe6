#include "platform/postgres/connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "platform/postgres/probe.h"
#include "platform/postgres/sqlstate.h"

namespace quantum::postgres {
namespace {

Error Closed() { return MakeError(Errc::kCancelled, kCannotConnect, "the pool is closed: the service is stopping"); }

}  // namespace

Connections::Lease::~Lease() {
  if (connection_) {
    owner_->GiveBack(std::move(connection_));
  }
}

Result<Connections::Lease> Connections::Acquire(resilience::Deadline deadline) {
  QUANTUM_TRY(std::unique_ptr<Connection> connection, Take(deadline));
  return Lease(shared_from_this(), std::move(connection));
}

void Connections::Close() {
  closed_ = true;
  open_ -= idle_.size();
  idle_.clear();
  for (Waiter* const each : waiters_) {
    each->turn.Set();
  }
  waiters_.clear();  // what is given back from here on is nobody's turn
}

Result<std::unique_ptr<Connection>> Connections::Take(resilience::Deadline deadline) {
  if (closed_) {
    return Closed();
  }
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->Usable()) {
      return connection;
    }
    --open_;
  }
  if (open_ < options_.connections_max) {
    ++open_;
    return Open(deadline);
  }
  return WaitTurn(deadline);
}

Result<std::unique_ptr<Connection>> Connections::WaitTurn(resilience::Deadline deadline) {
  if (waiters_.size() >= options_.waiters_max) {
    return MakeError(
        Errc::kExhausted, kTooManyWaiters,
        fmt::format("{} operations wait for a database connection already; try again later", waiters_.size()));
  }
  Waiter waiter;
  waiters_.push_back(&waiter);
  struct Leave {
    std::deque<Waiter*>& waiters;
    Waiter* waiter;
    ~Leave() { std::erase(waiters, waiter); }
  };
  {
    const Leave leave{waiters_, &waiter};
    waiter.turn.WaitFor(deadline.left());
  }
  if (waiter.connection && waiter.connection->Usable()) {
    return std::move(waiter.connection);
  }
  if (waiter.connection || waiter.may_open) {
    waiter.connection.reset();
    return Open(deadline);
  }
  if (closed_) {
    return Closed();
  }
  return MakeError(Errc::kUnavailable, kCannotConnect,
                   fmt::format("all {} database connections stayed busy until the deadline", options_.connections_max));
}

// The place is counted in open_ already.
Result<std::unique_ptr<Connection>> Connections::Open(resilience::Deadline deadline) {
  struct Place {
    Connections* owner;
    ~Place() {
      if (owner != nullptr) {
        owner->FreePlace();
      }
    }
  } place{this};
  const SteadyTime since = clock_.Steady();
  const auto within = resilience::Deadline::After(std::min(options_.connect_timeout, deadline.left()), clock_);
  auto connection = Connection::Open(loop_, options_, within);
  Report(Operation::kConnect, connection ? nullptr : &connection.error(), clock_.Steady() - since);
  if (connection && closed_) {
    return Closed();  // meanwhile
  }
  if (connection) {
    place.owner = nullptr;
  }
  return connection;
}

void Connections::GiveBack(std::unique_ptr<Connection> connection) {
  if (closed_ || connection->broken() || connection->in_transaction()) {
    connection.reset();
    FreePlace();
  } else if (waiters_.empty()) {
    idle_.push_back(std::move(connection));
  } else {
    Waiter* const first = waiters_.front();
    waiters_.pop_front();
    first->connection = std::move(connection);
    first->turn.Set();
  }
}

void Connections::FreePlace() {
  if (waiters_.empty()) {
    --open_;
    return;
  }
  Waiter* const first = waiters_.front();
  waiters_.pop_front();
  first->may_open = true;
  first->turn.Set();
}

}  // namespace quantum::postgres
