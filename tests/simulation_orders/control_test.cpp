#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/simulation_orders/run.h"

// Each rule that is broken on purpose must be seen, or the rest proves nothing. What is broken is the test's double of
// what stands around execution's code: the connector, the store, the stream.
namespace quantum::orders_simulation {
namespace {

constexpr uint64_t kSeedsTried = 2000;

// What the first world says that something is wrong with.
std::string FirstTrouble(const Rules& rules) {
  BeSilent();
  Total total;
  for (uint64_t seed = 1; seed <= kSeedsTried; ++seed) {
    if (const std::string trouble = RunWorld(seed, rules, total); !trouble.empty()) {
      std::cout << "seed " << seed << ": " << trouble << "\n";
      return trouble;
    }
  }
  return {};
}

TEST(OrdersSimulationControl, AFillThatIsNotKnownByItsTradeIdIsBookedTwice) {
  EXPECT_THAT(FirstTrouble({.dedupe = false}), ::testing::HasSubstr("was booked, and the venue has none such"));
}

TEST(OrdersSimulationControl, AConnectorThatRepeatsWhatHadNoAnswerSendsTwice) {
  EXPECT_THAT(FirstTrouble({.asks_unknown = false}), ::testing::HasSubstr("was sent again"));
}

TEST(OrdersSimulationControl, AStoreThatWritesAfterSendingIsCaught) {
  EXPECT_THAT(FirstTrouble({.writes_first = false}), ::testing::HasSubstr("was sent before it was recorded"));
}

TEST(OrdersSimulationControl, AnAbsenceThatIsGuessedIsWrong) {
  EXPECT_FALSE(FirstTrouble({.waits_for_absence = false}).empty());
}

TEST(OrdersSimulationControl, AStoreThatForgetsFillsInACrashHasThemBookedTwice) {
  EXPECT_THAT(FirstTrouble({.remembers_fills = false}), ::testing::HasSubstr("was booked twice"));
}

TEST(OrdersSimulationControl, WithoutReconciliationTheLedgerIsNotTheVenue) {
  EXPECT_THAT(FirstTrouble({.reconciles = false}), ::testing::HasSubstr("at rest"));
}

}  // namespace
}  // namespace quantum::orders_simulation
