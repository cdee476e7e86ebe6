#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/simulation/world.h"

// The same world driven by RapidCheck: a sequence of steps that fails shrinks to what is needed for it.
namespace quantum::simulation {

void showValue(const Step& step, std::ostream& out) { out << step; }

namespace {

rc::Gen<Step> AnyStep() {
  return rc::gen::map(rc::gen::arbitrary<uint64_t>(), [](uint64_t seed) {
    SeededRandom random(seed);
    return Draw(random);
  });
}

rc::Gen<std::vector<Step>> AnySteps() {
  return rc::gen::scale(20, rc::gen::container<std::vector<Step>>(rc::gen::noShrink(AnyStep())));
}

World::Outcome OutcomeOf(const std::vector<Step>& steps, const Rules& rules = {}) {
  World world(rules);
  for (const Step& step : steps) {
    world.Take(step);
  }
  return world.Finish();
}

RC_GTEST_PROP(SimulationProperty, NoSequenceOfStepsLosesDoublesOrDisordersAnything, ()) {
  const auto steps = *AnySteps();
  const auto outcome = OutcomeOf(steps);
  for (const std::string& example : outcome.examples) {
    RC_LOG() << example << "\n";
  }
  RC_LOG() << outcome.trouble;
  RC_ASSERT(outcome.good());
}

TEST(SimulationPropertyControl, WhatFailsShrinksToAShortSequence) {
  size_t shortest = SIZE_MAX;
  const bool holds = rc::check("without the check of sequences no event stands in a stream twice", [&] {
    const auto steps = *AnySteps();
    const auto outcome = OutcomeOf(steps, {.sequences = false});
    if (outcome.verdict.stored_twice > 0) {
      shortest = std::min(shortest, steps.size());
    }
    RC_ASSERT(outcome.verdict.stored_twice == 0u);
  });
  EXPECT_FALSE(holds);
  EXPECT_LT(shortest, 200u);
}

}  // namespace
}  // namespace quantum::simulation
