#pragma once

#include <string>
#include <vector>

#include "platform/lifecycle/service.h"

namespace quantum::paper {

// Who a market that plays as fast as it can be read must not run away from: every other service of the manifest. Nobody
// would see, nor trade in, a market that is over before they came.
class Audience {
 public:
  explicit Audience(lifecycle::Service& service);

  // Waits until each of them has answered /health/ready with 200, at most kAwaitMax (then whoever is missing is named
  // in the log), or until this process stops. For a fiber of the main loop.
  void Await();

 private:
  lifecycle::Service& service_;
  std::vector<std::string> missing_;  // units
};

}  // namespace quantum::paper
