#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/bus/event.h"

namespace quantum::bus {

// Where sequences are counted: one incarnation of one producer in one stream.
struct Lane {
  std::string producer;
  std::string incarnation;
  std::string family;
};

using EventPtr = std::shared_ptr<const Event>;

// The events of each lane, in order and without a gap: waiting until they are confirmed, and kept a while longer, since
// a replica that lagged may be promoted and must be told again what it misses. For one thread.
class LaneQueues {
 public:
  static constexpr Duration kRetention = std::chrono::seconds(30);

  explicit LaneQueues(size_t retained_max) : retained_max_(retained_max) {}

  // A new lane whose next event has this sequence. A lane's number never changes.
  size_t Open(Lane lane, uint64_t next = 1);
  // Takes the event as the lane's next: stamps producer, incarnation and sequence.
  EventPtr Push(size_t lane, Event event);

  size_t size() const { return queues_.size(); }
  const Lane& lane(size_t lane) const { return queues_.at(lane).lane; }
  uint64_t last(size_t lane) const { return queues_.at(lane).last; }
  uint64_t confirmed(size_t lane) const { return queues_.at(lane).confirmed; }
  uint64_t retired(size_t lane) const { return queues_.at(lane).last - queues_.at(lane).events.size(); }
  // After this sequence, oldest first; what was retired is not there any more.
  std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const;

  void Confirm(size_t lane, uint64_t sequence, SteadyTime now);
  // The broker holds the lane only up to this sequence after all: what is still kept beyond it waits again.
  void Reopen(size_t lane, uint64_t sequence);
  // Drops what was confirmed kRetention ago, and more if the confirmed ones outgrow their bound. Only while it is known
  // that the broker holds all that is confirmed. Answers how many went before their time.
  size_t Retire(SteadyTime now);
  // Drops all that is confirmed in this lane.
  void Discard(size_t lane);

  size_t pending() const { return pending_; }    // not confirmed yet
  size_t retained() const { return retained_; }  // confirmed and still kept

 private:
  struct Mark {
    uint64_t sequence = 0;
    SteadyTime at;
  };
  struct Queue {
    Lane lane;
    std::deque<EventPtr> events;
    uint64_t last = 0;
    uint64_t confirmed = 0;
    std::deque<Mark> marks;  // when which sequence was confirmed, for Retire
    uint64_t first() const { return last - events.size() + 1; }
  };
  void DropUpTo(Queue& queue, uint64_t sequence);

  const size_t retained_max_;
  std::deque<Queue> queues_;
  size_t pending_ = 0;
  size_t retained_ = 0;
};

}  // namespace quantum::bus
