#include "services/execution/writer.h"

#include <algorithm>
#include <optional>

#include "platform/log/log.h"
#include "services/execution/store.h"

namespace quantum::execution {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A batch takes this lock and keeps it until it has ended: its COMMIT may wait for a standby for longer than we wait
// for its answer. Whoever asks what became of it asks for the lock first.
postgres::Statement HoldUntilEnd(const std::string& mode) {
  return {"SELECT pg_advisory_xact_lock(hashtextextended($1, 8003))", {mode}};
}
postgres::Statement AwaitEnd(const std::string& mode) {
  return {"SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 8003))", {mode}};
}

}  // namespace

void Writer::Start(fiber::Loop& loop) {
  loop.Spawn([self = shared_from_this()] { self->Run(); });
}

void Writer::Enqueue(ChangeSet changes) {
  if (changes.empty()) {
    return;
  }
  queue_.push_back(std::move(changes));
  ++enqueued_;
  work_.Set();
}

bool Writer::WaitWritten(Duration timeout) {
  const uint64_t target = enqueued_;
  const SteadyTime deadline = clock_.Steady() + timeout;
  while (written_ < target) {
    const Duration left = deadline - clock_.Steady();
    if (left <= Duration::zero()) {
      return false;
    }
    progress_.Reset();
    progress_.WaitFor(left);
  }
  return true;
}

bool Writer::Awaits(const std::string& client_order_id) const {
  return std::ranges::any_of(queue_, [&](const ChangeSet& changes) { return changes.Adds(client_order_id); });
}

void Writer::Stop() {
  WaitWritten(seconds(1));
  stopping_ = true;
  work_.Set();
}

Duration Writer::behind(SteadyTime now) const { return failing_ ? now - failing_since_ : Duration::zero(); }

void Writer::Run() {
  while (!stopping_) {
    if (queue_.empty()) {
      work_.Reset();
      work_.Wait();
      continue;
    }
    const size_t count = maybe_written_ ? maybe_count_ : std::min(queue_.size(), one_by_one_ ? 1 : kBatchMax);
    const Status status = WriteBatch(count);
    if (status.ok()) {
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      written_ += count;
      maybe_written_ = false;
      one_by_one_ = one_by_one_ && !queue_.empty();
      if (failing_) {
        log::Info("Postgres is back: what waited is being written", {{"pending", queue_.size()}});
      }
      failing_ = false;
      progress_.Set();
      continue;
    }
    if (!failing_) {
      failing_ = true;
      failing_since_ = clock_.Steady();
      log::Error("changes of orders cannot be written to Postgres and wait in memory",
                 {{"error", status.error().message}, {"pending", queue_.size()}});
    }
    if (status.error().code == Errc::kUnknownOutcome) {
      maybe_written_ = true;
      maybe_count_ = count;
    } else if (status.error().code == Errc::kInvalidArgument) {
      maybe_written_ = false;
      if (count > 1) {
        one_by_one_ = true;
      } else {
        DropPoisoned(status.error());
      }
      continue;
    }
    fiber::SleepFor(milliseconds(250));
  }
}

Status Writer::WriteBatch(size_t count) {
  if (maybe_written_) {
    QUANTUM_TRY(const bool written, IsWritten(count));
    if (written) {
      return {};
    }
  }
  ChangedRows rows(mode_, lease_.token());
  std::vector<bus::Event> events;
  for (size_t i = 0; i < count; ++i) {
    const ChangeSet& changes = queue_[i];
    rows.Add(changes);
    events.insert(events.end(), changes.events.begin(), changes.events.end());
  }
  const std::vector<postgres::Statement> statements{lease_.Fence(), HoldUntilEnd(mode_), rows.Write()};
  return pool_.Transact([&](postgres::Transaction& transaction) -> Status {
    QUANTUM_CHECK(transaction.Batch(statements));
    return bus_.PublishWithin(transaction, events);
  });
}

// The batch at the front: its transaction was all or nothing, so that any row of it that is written once speaks for it.
Result<bool> Writer::IsWritten(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const ChangeSet& changes = queue_[i];
    std::optional<postgres::Statement> ask;
    if (!changes.orders.empty()) {
      const Order& order = changes.orders.front();
      ask = {"SELECT 1 FROM orders WHERE client_order_id = $1 AND version >= $2",
             {order.client_order_id, std::to_string(order.version)}};
    } else if (!changes.fills.empty()) {
      const trading::Fill& fill = changes.fills.front();
      ask = {"SELECT 1 FROM fills WHERE symbol = $1 AND trade_id = $2", {fill.symbol, std::to_string(fill.trade_id)}};
    } else if (!changes.funding.empty()) {
      const exchange::FundingPayment& payment = changes.funding.front();
      ask = {"SELECT 1 FROM funding_payments WHERE symbol = $1 AND payment_id = $2",
             {payment.symbol, std::to_string(payment.id)}};
    }
    if (ask) {
      QUANTUM_TRY(const auto rows, pool_.Batch({AwaitEnd(mode_), std::move(*ask)}, {.idempotent = true}));
      return !rows.at(1).empty();
    }
  }
  return false;  // positions and cursors alone
}

// A row that the schema refuses would hold up everything behind it. It is a bug, raised as one; the venue still knows
// the truth, and the audit repairs what it can.
void Writer::DropPoisoned(const Error& error) {
  log::Critical("Postgres refuses a change of orders, which is dropped: compare with the venue (quantum verify)",
                {{"error", error.message},
                 {"orders", queue_.front().orders.size()},
                 {"client_order_id",
                  queue_.front().orders.empty() ? std::string() : queue_.front().orders.front().client_order_id}});
  queue_.pop_front();
  ++written_;
  maybe_written_ = false;
  progress_.Set();
}

}  // namespace quantum::execution
