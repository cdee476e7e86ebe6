#include "platform/bus/lane_queues.h"

#include <algorithm>

#include "platform/base/assert.h"

namespace quantum::bus {

size_t LaneQueues::Open(Lane lane, uint64_t next) {
  QUANTUM_ASSERT(next >= 1);
  queues_.push_back({.lane = std::move(lane), .events = {}, .last = next - 1, .confirmed = next - 1, .marks = {}});
  return queues_.size() - 1;
}

EventPtr LaneQueues::Push(size_t lane, Event event) {
  Queue& queue = queues_.at(lane);
  event.producer = queue.lane.producer;
  event.incarnation = queue.lane.incarnation;
  event.sequence = ++queue.last;
  queue.events.push_back(std::make_shared<const Event>(std::move(event)));
  ++pending_;
  return queue.events.back();
}

std::vector<EventPtr> LaneQueues::Read(size_t lane, uint64_t after, size_t events_max) const {
  const Queue& queue = queues_.at(lane);
  std::vector<EventPtr> events;
  for (uint64_t sequence = std::max(after + 1, queue.first()); sequence <= queue.last && events.size() < events_max;
       ++sequence) {
    events.push_back(queue.events[sequence - queue.first()]);
  }
  return events;
}

void LaneQueues::Confirm(size_t lane, uint64_t sequence, SteadyTime now) {
  Queue& queue = queues_.at(lane);
  QUANTUM_ASSERT(sequence <= queue.last);
  if (sequence <= queue.confirmed) {
    return;
  }
  pending_ -= sequence - queue.confirmed;
  retained_ += sequence - queue.confirmed;
  queue.confirmed = sequence;
  queue.marks.push_back({sequence, now});
}

void LaneQueues::Reopen(size_t lane, uint64_t sequence) {
  Queue& queue = queues_.at(lane);
  sequence = std::max(sequence, queue.first() - 1);
  if (sequence >= queue.confirmed) {
    return;
  }
  pending_ += queue.confirmed - sequence;
  retained_ -= queue.confirmed - sequence;
  queue.confirmed = sequence;
  while (!queue.marks.empty() && queue.marks.back().sequence > sequence) {
    const SteadyTime at = queue.marks.back().at;
    queue.marks.pop_back();
    if (queue.marks.empty() || queue.marks.back().sequence < sequence) {
      queue.marks.push_back({sequence, at});
      break;
    }
  }
}

void LaneQueues::Discard(size_t lane) {
  Queue& queue = queues_.at(lane);
  DropUpTo(queue, queue.confirmed);
  queue.marks.clear();
}

void LaneQueues::DropUpTo(Queue& queue, uint64_t sequence) {
  while (!queue.events.empty() && queue.first() <= sequence) {
    queue.events.pop_front();
    --retained_;
  }
}

size_t LaneQueues::Retire(SteadyTime now) {
  size_t early = 0;
  for (Queue& queue : queues_) {
    // Also bounded in number: confirmed events may not take more memory than waiting ones.
    while (!queue.marks.empty() && (queue.marks.front().at + kRetention <= now || retained_ > retained_max_)) {
      const size_t before = retained_;
      DropUpTo(queue, queue.marks.front().sequence);
      early += queue.marks.front().at + kRetention <= now ? 0 : before - retained_;
      queue.marks.pop_front();
    }
  }
  return early;
}

}  // namespace quantum::bus
