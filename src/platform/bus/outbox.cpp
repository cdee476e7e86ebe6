#include "platform/bus/outbox.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/assert.h"

namespace quantum::bus {

MemoryOutbox::MemoryOutbox(std::string producer, std::string incarnation, size_t events_max)
    : producer_(std::move(producer)), incarnation_(std::move(incarnation)), events_max_(events_max) {}

Result<Outbox::Ticket> MemoryOutbox::Append(Event event) {
  if (pending_ >= events_max_) {
    return Error{Errc::kExhausted, fmt::format("the outbox is full ({} events wait for the broker)", pending_)};
  }
  const std::string family = FamilyOf(event.type);
  auto found = by_family_.find(family);
  if (found == by_family_.end()) {
    found = by_family_.emplace(family, lanes_.size()).first;
    lanes_.push_back({.lane = {producer_, incarnation_, family}});
  }
  Queue& queue = lanes_[found->second];
  event.producer = producer_;
  event.incarnation = incarnation_;
  event.sequence = ++queue.last;
  queue.events.push_back(std::make_shared<const Event>(std::move(event)));
  ++pending_;
  return Ticket{found->second, queue.last};
}

std::vector<EventPtr> MemoryOutbox::Read(size_t lane, uint64_t after, size_t events_max) const {
  const Queue& queue = lanes_.at(lane);
  std::vector<EventPtr> events;
  for (uint64_t sequence = std::max(after + 1, queue.first()); sequence <= queue.last && events.size() < events_max;
       ++sequence) {
    events.push_back(queue.events[sequence - queue.first()]);
  }
  return events;
}

void MemoryOutbox::Confirm(size_t lane, uint64_t sequence, SteadyTime now) {
  Queue& queue = lanes_.at(lane);
  QUANTUM_ASSERT(sequence <= queue.last);
  if (sequence <= queue.confirmed) {
    return;
  }
  pending_ -= sequence - queue.confirmed;
  retained_ += sequence - queue.confirmed;
  queue.confirmed = sequence;
  queue.marks.push_back({sequence, now});
}

void MemoryOutbox::DropUpTo(Queue& queue, uint64_t sequence) {
  while (!queue.events.empty() && queue.first() <= sequence) {
    queue.events.pop_front();
    --retained_;
  }
}

void MemoryOutbox::Retire(SteadyTime now) {
  for (Queue& queue : lanes_) {
    // Also bounded in number: confirmed events may not take more memory than waiting ones.
    while (!queue.marks.empty() && (queue.marks.front().at + kRetention <= now || retained_ > events_max_)) {
      DropUpTo(queue, queue.marks.front().sequence);
      queue.marks.pop_front();
    }
  }
}

}  // namespace quantum::bus
