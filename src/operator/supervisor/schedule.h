#pragma once

#include <optional>

#include "platform/base/clock.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// When a scheduled task runs next, from the wall clock. Daily: the first such time after `now`; one that passed while
// the platform was down is left out. Every: the interval after the last start, which may have passed; at once where no
// run is known. Precondition: schedule.set().
WallTime NextRun(const config::Schedule& schedule, WallTime now, std::optional<WallTime> last_started);

}  // namespace quantum::operate
