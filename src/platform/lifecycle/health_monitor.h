#pragma once

#include <functional>
#include <memory>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "platform/lifecycle/health.h"

namespace quantum::lifecycle {

// Keeps the last snapshot of the service's health, so that a burst of /health asks the dependencies once a second and
// never more, and answers even when the main loop hangs. For fibers of the loop that serves /health.
class HealthMonitor : public std::enable_shared_from_this<HealthMonitor> {
 public:
  // `take` runs in a fiber of `main` and finds out everything; `here` is the loop this object is used on.
  HealthMonitor(fiber::Loop& main, fiber::Loop& here, const Clock& clock, std::function<HealthSnapshot()> take)
      : main_(main), here_(here), clock_(clock), take_(std::move(take)) {}

  // At most a second old, unless the main loop does not answer: then the last one, after kPatience.
  const HealthSnapshot& Get();

  static constexpr Duration kFresh = std::chrono::seconds(1);
  static constexpr Duration kPatience = std::chrono::milliseconds(1500);

 private:
  fiber::Loop& main_;
  fiber::Loop& here_;
  const Clock& clock_;
  std::function<HealthSnapshot()> take_;
  HealthSnapshot snapshot_;
  bool taking_ = false;
  fiber::Event taken_;
};

}  // namespace quantum::lifecycle
