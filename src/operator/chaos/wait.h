#pragma once

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"

namespace quantum::operate::chaos {

// Lets other fibers run until the condition holds; false when the time passed first. Precondition: in a fiber.
template <class Condition>
bool Eventually(Duration timeout, Condition condition) {
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() > end) {
      return false;
    }
    fiber::SleepFor(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace quantum::operate::chaos
