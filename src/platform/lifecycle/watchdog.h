#pragma once

#include <cstdint>

#include "platform/base/clock.h"

namespace quantum::lifecycle {

// Whether a loop makes progress: its turns must grow within the limit. Observed from another thread, more often than
// the limit; otherwise a loop that hung between two observations would look alive. One thread.
class Watchdog {
 public:
  Watchdog(Duration limit, SteadyTime now) : limit_(limit), moved_(now) {}

  void Observe(uint64_t turns, SteadyTime now) {
    if (turns != turns_) {
      turns_ = turns;
      moved_ = now;
    }
  }
  bool Alive(SteadyTime now) const { return now - moved_ <= limit_; }
  Duration StandingFor(SteadyTime now) const { return now - moved_; }

 private:
  Duration limit_;
  SteadyTime moved_;
  uint64_t turns_ = 0;
};

}  // namespace quantum::lifecycle
