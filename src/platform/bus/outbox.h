#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "platform/bus/event.h"

namespace quantum::bus {

// Where sequences are counted: one incarnation of one producer in one stream.
struct Lane {
  std::string producer;
  std::string incarnation;
  std::string family;
};

using EventPtr = std::shared_ptr<const Event>;

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
  // Whether what Append took survives this process.
  virtual bool survives_process() const = 0;

  virtual size_t lanes() const = 0;  // only grows; a lane's number never changes
  virtual const Lane& lane(size_t lane) const = 0;
  // The events after this sequence, oldest first, confirmed ones that are still kept included.
  virtual std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const = 0;
  virtual uint64_t confirmed(size_t lane) const = 0;
  // The broker and enough of its replicas hold everything up to this sequence.
  virtual void Confirm(size_t lane, uint64_t sequence, SteadyTime now) = 0;
  // Drops what has been confirmed long enough.
  virtual void Retire(SteadyTime now) = 0;

  virtual size_t pending() const = 0;   // events not confirmed yet
  virtual size_t retained() const = 0;  // confirmed and still kept
};

// Keeps everything in memory: an event is safe only once it is confirmed, so Publish waits for that.
class MemoryOutbox final : public Outbox {
 public:
  // A replica that lagged and was promoted is told again what it misses, as far back as this.
  static constexpr Duration kRetention = std::chrono::seconds(30);

  MemoryOutbox(std::string producer, std::string incarnation, size_t events_max);

  const std::string& incarnation() const { return incarnation_; }
  Result<Ticket> Append(Event event) override;
  bool survives_process() const override { return false; }
  size_t lanes() const override { return lanes_.size(); }
  const Lane& lane(size_t lane) const override { return lanes_.at(lane).lane; }
  std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const override;
  uint64_t confirmed(size_t lane) const override { return lanes_.at(lane).confirmed; }
  void Confirm(size_t lane, uint64_t sequence, SteadyTime now) override;
  void Retire(SteadyTime now) override;
  size_t pending() const override { return pending_; }
  size_t retained() const override { return retained_; }

 private:
  struct Queue {
    Lane lane;
    std::deque<EventPtr> events;  // sequences first … last without a gap
    uint64_t last = 0;
    uint64_t confirmed = 0;
    struct Mark {
      uint64_t sequence = 0;
      SteadyTime at;
    };
    std::deque<Mark> marks;  // when which sequence was confirmed, for Retire
    uint64_t first() const { return last - events.size() + 1; }
  };
  void DropUpTo(Queue& queue, uint64_t sequence);

  const std::string producer_;
  const std::string incarnation_;
  const size_t events_max_;
  std::deque<Queue> lanes_;
  std::map<std::string, size_t, std::less<>> by_family_;
  size_t pending_ = 0;
  size_t retained_ = 0;
};

}  // namespace quantum::bus
