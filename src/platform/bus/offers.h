#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/bus/broker.h"
#include "platform/bus/event.h"

namespace quantum::bus {

// Rows of the outbox that this process has committed and numbered itself, so that its relay need not read them. They
// may be offered in another order than that of their numbers. Everything here is in the table too, and may be
// forgotten.
class Offers {
 public:
  explicit Offers(size_t events_max) : events_max_(events_max) {}

  // False: there is no room, and the table has it.
  bool Put(const std::string& family, EventPtr event);

  // Takes out what follows, without a gap, the last sequence that the broker holds of a lane, batch_max of each at
  // most, and forgets what it holds. What lies behind a gap, or belongs to a lane that `held` does not name, stays.
  std::vector<Batch> Take(const std::map<std::string, uint64_t>& held, size_t batch_max);

  void Clear();
  size_t size() const { return size_; }

 private:
  struct Line {
    Lane lane;
    std::map<uint64_t, EventPtr> events;  // by sequence
  };
  const size_t events_max_;
  size_t size_ = 0;
  std::map<std::string, Line> lines_;  // by LaneName
};

// Of one producer's lanes.
std::string LaneName(const Lane& lane);

}  // namespace quantum::bus
