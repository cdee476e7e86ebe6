#pragma once

#include <optional>

#include "platform/base/clock.h"

// The fibers of platform/fiber (the same header, so that execution's own code runs on them), on a clock that the
// simulator moves. One thread, one loop at a time; fibers run in the order in which they became ready, so that the same
// steps always lead to the same end. Loop::Run() returns once nothing is ready.
//
// Only what execution's desk uses is there; the linker says when it comes to use more.
namespace quantum::orders_simulation {

// What the loop goes by that exists, or is made next. Must outlive it.
void UseClock(const Clock& clock);

// When the first of those wants to run that wait for a time.
std::optional<SteadyTime> NextWake();

}  // namespace quantum::orders_simulation
