#include "services/risk_safety/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;

class ConditionsTest : public testing::Test {
 protected:
  Conditions::Facts Facts() const {
    return {.account = AccountView{.equity = "10000"_dec, .available = "10000"_dec, .day_start_equity = "10000"_dec},
            .unrealized_pnl = "0"_dec,
            .daily_drawdown_percent_max = "5"_dec,
            .positions_known = true,
            .market_age = {{"BTCUSDT", 1s}},
            .now = clock_.Steady(),
            .wall_now = clock_.Now()};
  }
  std::optional<std::string> Holds(const Conditions::Facts& facts) { return conditions_.Evaluate(facts).holds; }
  ManualClock clock_;
  Conditions conditions_{ConditionLimits{}};
};

TEST_F(ConditionsTest, QuietWhenNothingIsWrongAndWhenNothingIsKnown) {
  EXPECT_EQ(Holds(Facts()), std::nullopt);
  EXPECT_EQ(Holds({.now = clock_.Steady(), .wall_now = clock_.Now()}), std::nullopt);
}

TEST_F(ConditionsTest, TripsAtTheProfilesDailyDrawdown) {
  auto facts = Facts();
  facts.account->equity = "9500.01"_dec;
  EXPECT_EQ(Holds(facts), std::nullopt);
  facts.account->equity = "9500"_dec;
  EXPECT_THAT(*Holds(facts), testing::StartsWith("DAILY_DRAWDOWN"));
}

TEST_F(ConditionsTest, TripsAtTenPercentOfOpenLoss) {
  auto facts = Facts();
  facts.daily_drawdown_percent_max = "50"_dec;
  facts.unrealized_pnl = "-1000"_dec;
  facts.account->equity = "9000"_dec;
  EXPECT_THAT(*Holds(facts), testing::StartsWith("OPEN_LOSS"));
}

TEST_F(ConditionsTest, TripsAtFiveExecutionErrorsWithinTheWindowOnly) {
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError("early-" + std::to_string(i), clock_.Now());
    clock_.Advance(4min);
  }
  EXPECT_EQ(Holds(Facts()), std::nullopt);  // the first is 20 minutes old
  for (int i = 0; i < 2; ++i) {
    conditions_.OnExecutionError("late-" + std::to_string(i), clock_.Now());
  }
  EXPECT_THAT(*Holds(Facts()), testing::StartsWith("EXECUTION_ERRORS"));
}

TEST_F(ConditionsTest, StaleDataTripsOnlyWhereAPositionIsOpen) {
  auto facts = Facts();
  facts.market_age["BTCUSDT"] = 61s;
  EXPECT_EQ(Holds(facts), std::nullopt);
  conditions_.OnPosition("BTCUSDT", "1"_dec, true, clock_.Steady());
  EXPECT_THAT(*Holds(facts), testing::StartsWith("STALE_MARKET_DATA"));
  conditions_.OnPosition("BTCUSDT", "0"_dec, true, clock_.Steady());
  EXPECT_EQ(Holds(facts), std::nullopt);
}

TEST_F(ConditionsTest, APositionWithoutAStopTripsAfterItsTime) {
  conditions_.OnPosition("BTCUSDT", "1"_dec, false, clock_.Steady());
  clock_.Advance(10s);
  conditions_.OnPosition("BTCUSDT", "2"_dec, false, clock_.Steady());  // the clock runs since it was first naked
  EXPECT_EQ(Holds(Facts()), std::nullopt);
  clock_.Advance(6s);
  EXPECT_THAT(*Holds(Facts()), testing::StartsWith("UNPROTECTED_POSITION"));
  conditions_.OnPosition("BTCUSDT", "2"_dec, true, clock_.Steady());
  EXPECT_EQ(Holds(Facts()), std::nullopt);
}

TEST_F(ConditionsTest, AnOrderInTroubleCountsOnceWhateverIsToldOfIt) {
  for (int i = 0; i < 20; ++i) {  // UNKNOWN, then FAILED, then the same events redelivered
    conditions_.OnExecutionError("only", clock_.Now());
    clock_.Advance(1s);
  }
  EXPECT_EQ(Holds(Facts()), std::nullopt);
  EXPECT_EQ(conditions_.Evaluate(Facts()).metrics.execution_errors, 1);
}

TEST_F(ConditionsTest, ExecutionErrorsCountAtTheirOwnTimeNotWhenTheyAreHeardOf) {
  for (int i = 0; i < 9; ++i) {
    conditions_.OnExecutionError("old-" + std::to_string(i), clock_.Now() - 16min);
  }
  EXPECT_EQ(Holds(Facts()), std::nullopt);
}

TEST_F(ConditionsTest, ExecutionErrorsThatAPersonHasSeenDoNotTripAgain) {
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError("id-" + std::to_string(i), clock_.Now());
  }
  ASSERT_NE(Holds(Facts()), std::nullopt);
  conditions_.ForgetExecutionErrors();
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError("id-" + std::to_string(i), clock_.Now());  // redelivered
  }
  EXPECT_EQ(Holds(Facts()), std::nullopt);
}

TEST_F(ConditionsTest, ExecutionErrorsOfBeforeAResetDoNotTripInTheNextLife) {
  conditions_.ForgetExecutionErrors(clock_.Now());  // the reset, as restored; nothing had been read yet
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError("before-" + std::to_string(i), clock_.Now() - 1ms);
  }
  EXPECT_EQ(Holds(Facts()), std::nullopt);
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError("after-" + std::to_string(i), clock_.Now());
  }
  EXPECT_NE(Holds(Facts()), std::nullopt);
}

TEST_F(ConditionsTest, AnOldAccountIsNotJudgedAnewAndItsLastWordStands) {
  auto facts = Facts();
  facts.account->equity = "9000"_dec;
  facts.account->age = 1min;
  EXPECT_EQ(Holds(facts), std::nullopt);
  EXPECT_FALSE(conditions_.Evaluate(facts).complete);
  facts.account->age = 1s;
  ASSERT_THAT(*Holds(facts), testing::StartsWith("DAILY_DRAWDOWN"));
  facts.account->equity = "10000"_dec;
  facts.account->age = 1min;
  EXPECT_THAT(*Holds(facts), testing::StartsWith("DAILY_DRAWDOWN"));
  facts.account->age = 1s;
  EXPECT_EQ(Holds(facts), std::nullopt);
}

TEST_F(ConditionsTest, TellsWhatItIsJudgedOn) {
  auto facts = Facts();
  facts.account->equity = "9800"_dec;
  facts.account->age = 200ms;
  facts.unrealized_pnl = "-200"_dec;
  conditions_.OnExecutionError("a", clock_.Now());
  conditions_.OnPosition("BTCUSDT", "1"_dec, false, clock_.Steady() - 3s);
  const auto metrics = conditions_.Evaluate(facts).metrics;
  EXPECT_EQ(metrics.daily_drawdown_percent, "2"_dec);
  EXPECT_EQ(metrics.open_loss_percent, "2"_dec);
  EXPECT_EQ(metrics.execution_errors, 1);
  EXPECT_EQ(metrics.positions_unprotected, 1);
  EXPECT_EQ(metrics.unprotected_ms_max, 3000);
  EXPECT_EQ(metrics.account_age_ms, 200);
  EXPECT_EQ(metrics.market_age_ms_max, 1000);
}

TEST_F(ConditionsTest, NumbersBeyondTheRangeAreALossNotACrash) {
  auto facts = Facts();
  facts.account->day_start_equity = "0.00000001"_dec;
  facts.account->equity = "-90000000000"_dec;
  facts.unrealized_pnl = "-90000000000"_dec;
  EXPECT_THAT(*Holds(facts), testing::StartsWith("DAILY_DRAWDOWN"));
}

}  // namespace
}  // namespace quantum::risk_safety
