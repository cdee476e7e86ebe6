#include "tests/chaos/chaos.h"

// Orders while processes die and the exchange misbehaves. (The negative control does not show doubled orders yet:
// docs/chaos-orders.md.)
namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

class OrdersChaosTest : public ChaosTest {
 protected:
  // The servers run as a user of their own, who has to pass.
  OrdersChaosTest() : ChaosTest("orders", "24", "6") {
    for (const fs::path& folder : {directory_.path(), Temporary()}) {
      fs::permissions(folder, fs::perms(0711));
    }
  }
};

TEST_F(OrdersChaosTest, NoOrderIsDoubledAndNoFillLostInFiveRounds) {
  const Outcome outcome = Run({"--rounds", "5", "--seed", "7"}, 900s);
  ASSERT_FALSE(outcome.report.empty()) << outcome.output;
  for (const auto& [violation, count] : outcome.report.at("violations").as_object()) {
    EXPECT_EQ(count.to_number<uint64_t>(), 0u) << violation << "\n" << outcome.output;
  }
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.report.at("rounds").as_array().size(), 5u);
  EXPECT_TRUE(fs::is_empty(Temporary())) << "it left something behind";
}

}  // namespace
}  // namespace quantum::testing
