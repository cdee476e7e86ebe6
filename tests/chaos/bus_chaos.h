#pragma once

#include "tests/chaos/chaos.h"

namespace quantum::testing {

class BusChaosTest : public ChaosTest {
 protected:
  BusChaosTest() : ChaosTest("bus", "1000", "200") {}

  void ExpectGood(const Outcome& outcome, size_t rounds) const {
    ASSERT_FALSE(outcome.report.empty()) << outcome.output;
    const json::object& verdict = outcome.report.at("verdict").as_object();
    for (const char* violation : {"lost", "doubled", "disordered", "misplaced", "invented", "contradicted"}) {
      EXPECT_EQ(verdict.at(violation).to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
    }
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_EQ(outcome.report.at("rounds").as_array().size(), rounds);
    EXPECT_GE(verdict.at("acknowledged").to_number<uint64_t>(), 1000 * rounds);
    EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
  }
};

}  // namespace quantum::testing
