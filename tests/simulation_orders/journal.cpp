#include <algorithm>

#include "tests/simulation_orders/process.h"

namespace quantum::orders_simulation {

void Journal::Enqueue(execution::ChangeSet changes) {
  audit_.Changed(changes, *ledger);
  queue_.push_back(std::move(changes));
  ++enqueued_;
}

bool Journal::WaitWritten(Duration timeout) {
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

bool Journal::Awaits(const std::string& client_order_id) const {
  return std::ranges::any_of(queue_,
                             [&](const execution::ChangeSet& changes) { return changes.Adds(client_order_id); });
}

void Journal::Write(size_t count) {
  for (size_t i = 0; i < count && !queue_.empty(); ++i) {
    store_.Write(queue_.front());
    audit_.Written(queue_.front());
    queue_.pop_front();
    ++written_;
  }
  progress_.Set();
}

}  // namespace quantum::orders_simulation
