#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation_orders/world.h"

namespace quantum::orders_simulation {

struct Total {
  Visits visits;
  uint64_t worlds = 0;
  uint64_t steps = 0;
};

// The world of one seed from its beginning to its rest. Empty: all that must hold held. log::SetLevel was called, or
// every world speaks.
inline std::string RunWorld(uint64_t seed, const Rules& rules, Total& total) {
  constexpr uint64_t kStepsMin = 40;
  constexpr uint64_t kStepsMore = 200;
  SeededRandom random(seed);
  World world(seed, rules);
  const uint64_t steps = kStepsMin + random.Below(kStepsMore);
  for (uint64_t step = 0; step < steps && world.trouble().empty(); ++step) {
    world.Take(Draw(random));
    ++total.steps;
  }
  ++total.worlds;
  std::string trouble = world.Finish();
  total.visits.Add(world.visits());
  return trouble;
}

// Millions of worlds say nothing of themselves.
void BeSilent();

}  // namespace quantum::orders_simulation
