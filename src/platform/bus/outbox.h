#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "platform/bus/event.h"
#include "platform/bus/lane_queues.h"

namespace quantum::bus {

// What stands between Publish and the sender: it numbers durable events and keeps them until the broker and its
// replicas have had them for a while. No I/O with the broker. For one loop.
class Outbox {
 public:
  struct Ticket {
    size_t lane = 0;
    uint64_t sequence = 0;
  };

  virtual ~Outbox() = default;

  // Stamps producer, incarnation and sequence and takes the event. kExhausted: full, nothing was taken.
  virtual Result<Ticket> Append(Event event) = 0;

  // The lanes, of earlier lives of this producer first. Only grows; a lane's number never changes.
  virtual size_t lanes() const = 0;
  virtual const Lane& lane(size_t lane) const = 0;
  virtual uint64_t last(size_t lane) const = 0;
  virtual uint64_t confirmed(size_t lane) const = 0;
  // The events after this sequence, oldest first, confirmed ones that are still kept included.
  virtual std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const = 0;
  // The broker and enough of its replicas hold everything up to this sequence.
  virtual void Confirm(size_t lane, uint64_t sequence, SteadyTime now) = 0;
  // A new master holds the lane only up to this sequence: what is kept beyond it waits again.
  virtual void Reopen(size_t lane, uint64_t sequence) = 0;
  // Drops what has been confirmed long enough. Only while connected to a master that holds all that is confirmed.
  // Answers how many went earlier, for want of room.
  virtual size_t Retire(SteadyTime now) = 0;

  virtual size_t pending() const = 0;   // events not confirmed yet
  virtual size_t retained() const = 0;  // confirmed and still kept
};

// Keeps everything in memory: an event is safe only once it is confirmed, so Publish waits for that.
class MemoryOutbox final : public Outbox {
 public:
  MemoryOutbox(std::string producer, std::string incarnation, size_t events_max);

  Result<Ticket> Append(Event event) override;
  size_t lanes() const override { return queues_.size(); }
  const Lane& lane(size_t lane) const override { return queues_.lane(lane); }
  uint64_t last(size_t lane) const override { return queues_.last(lane); }
  uint64_t confirmed(size_t lane) const override { return queues_.confirmed(lane); }
  std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const override {
    return queues_.Read(lane, after, events_max);
  }
  void Confirm(size_t lane, uint64_t sequence, SteadyTime now) override { queues_.Confirm(lane, sequence, now); }
  void Reopen(size_t lane, uint64_t sequence) override { queues_.Reopen(lane, sequence); }
  size_t Retire(SteadyTime now) override { return queues_.Retire(now); }
  size_t pending() const override { return queues_.pending(); }
  size_t retained() const override { return queues_.retained(); }

 private:
  const std::string producer_;
  const std::string incarnation_;
  const size_t events_max_;
  LaneQueues queues_;
  std::map<std::string, size_t, std::less<>> by_family_;
};

}  // namespace quantum::bus
