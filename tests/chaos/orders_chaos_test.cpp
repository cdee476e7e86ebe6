#include <iostream>
#include <random>

#include "tests/chaos/chaos.h"

// Orders while processes die and the exchange misbehaves. The checker is believed because the negative control shows
// that it reports doubled orders where there are some.
namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

class OrdersChaosTest : public ChaosTest {
 protected:
  // The servers run as a user of their own, who has to pass.
  OrdersChaosTest() : ChaosTest("orders", "28", "6") {
    for (const fs::path& folder : {directory_.path(), Temporary()}) {
      fs::permissions(folder, fs::perms(0711));
    }
  }
};

TEST_F(OrdersChaosTest, NoOrderIsDoubledAndNoFillLostInTenRoundsOfAFreshSeed) {
  const unsigned seed = std::random_device()() % 1'000'000 + 1;
  std::cout << "seed " << seed << std::endl;
  const Outcome outcome = Run({"--rounds", "10", "--seed", std::to_string(seed)}, 1200s);
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  for (const auto& [violation, count] : outcome.report.at("violations").as_object()) {
    EXPECT_EQ(count.to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
  }
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.report.at("rounds_counted").to_number<uint64_t>(), 10u);
  EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
}

TEST_F(OrdersChaosTest, UnderRandomIdsAndWithoutAJournalAKilledExecutionDoublesOrdersAndTheCheckerSaysSo) {
  const Outcome outcome = Run({"--negative-control", "--seed", "1"}, 600s);
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_FALSE(outcome.report.at("good").as_bool());
  EXPECT_GE(outcome.report.at("violations").at("doubled").to_number<uint64_t>(), 1u) << outcome.output;
  EXPECT_GT(outcome.report.at("examples").as_array().size(), 0u);
}

}  // namespace
}  // namespace quantum::testing
