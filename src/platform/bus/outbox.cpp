#include "platform/bus/outbox.h"

#include <fmt/format.h>

namespace quantum::bus {

MemoryOutbox::MemoryOutbox(std::string producer, std::string incarnation, size_t events_max)
    : producer_(std::move(producer)),
      incarnation_(std::move(incarnation)),
      events_max_(events_max),
      queues_(events_max) {}

Result<Outbox::Ticket> MemoryOutbox::Append(Event event) {
  if (queues_.pending() >= events_max_) {
    return Error{Errc::kExhausted,
                 fmt::format("the outbox is full ({} events wait for the broker)", queues_.pending())};
  }
  const std::string family = FamilyOf(event.type);
  auto found = by_family_.find(family);
  if (found == by_family_.end()) {
    found = by_family_.emplace(family, queues_.Open({producer_, incarnation_, family})).first;
  }
  return Ticket{found->second, queues_.Push(found->second, std::move(event))->sequence};
}

}  // namespace quantum::bus
