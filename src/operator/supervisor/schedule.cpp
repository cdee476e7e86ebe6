#include "operator/supervisor/schedule.h"

#include "platform/base/assert.h"

namespace quantum::operate {

WallTime NextRun(const config::Schedule& schedule, WallTime now, std::optional<WallTime> last_started) {
  QUANTUM_ASSERT(schedule.set());
  if (schedule.kind == config::Schedule::Kind::kEvery) {
    return last_started ? *last_started + schedule.interval : now;
  }
  const WallTime today = std::chrono::floor<std::chrono::days>(now) + schedule.time_of_day;
  return today > now ? today : today + std::chrono::days(1);
}

}  // namespace quantum::operate
