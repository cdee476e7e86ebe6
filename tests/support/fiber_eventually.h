#pragma once

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "tests/support/slowdown.h"

namespace quantum::testing::fibers {

// Lets other fibers run until the condition holds; false when the time passed first. As testing::Eventually, which
// blocks the thread.
template <class Condition>
bool Eventually(Duration timeout, Condition condition) {
  timeout *= kSlowdown;
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() > end) {
      return false;
    }
    fiber::SleepFor(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace quantum::testing::fibers
