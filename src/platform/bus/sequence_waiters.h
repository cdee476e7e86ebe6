#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "platform/fiber/fiber.h"

namespace quantum::bus {

// Fibers that wait until something has reached their event's sequence in its lane. For one loop.
class SequenceWaiters {
 public:
  // False when the time passed first.
  bool Await(size_t lane, uint64_t sequence, Duration timeout) {
    auto& waiters = Of(lane);
    auto waiter = std::make_shared<Waiter>();
    waiter->sequence = sequence;
    const auto place = std::upper_bound(waiters.begin(), waiters.end(), sequence,
                                        [](uint64_t wanted, const auto& other) { return wanted < other->sequence; });
    waiters.insert(place, waiter);
    if (waiter->done.WaitFor(timeout)) {
      return true;
    }
    std::erase(Of(lane), waiter);
    return false;
  }

  // Everything up to this sequence is there.
  void Reach(size_t lane, uint64_t sequence) {
    auto& waiters = Of(lane);
    while (!waiters.empty() && waiters.front()->sequence <= sequence) {
      waiters.front()->done.Set();
      waiters.pop_front();
    }
  }

 private:
  struct Waiter {
    uint64_t sequence = 0;
    fiber::Event done;
  };
  std::deque<std::shared_ptr<Waiter>>& Of(size_t lane) {
    while (by_lane_.size() <= lane) {
      by_lane_.emplace_back();
    }
    return by_lane_[lane];
  }

  std::deque<std::deque<std::shared_ptr<Waiter>>> by_lane_;  // each by sequence
};

}  // namespace quantum::bus
