#pragma once

#include <functional>

#include "platform/fiber/fiber.h"

namespace quantum::testing {

// Runs body in a fiber of a loop of its own, in the calling thread, until it is done.
inline void RunInFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("test");
  loop.Spawn([&] {
    body(loop);
    loop.Stop();
  });
  loop.Run();
}

}  // namespace quantum::testing
