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
            .market_age = {{"BTCUSDT", 1s}},
            .now = clock_.Steady()};
  }
  ManualClock clock_;
  Conditions conditions_{ConditionLimits{}};
};

TEST_F(ConditionsTest, QuietWhenNothingIsWrongAndWhenNothingIsKnown) {
  EXPECT_EQ(conditions_.Evaluate(Facts()), std::nullopt);
  EXPECT_EQ(conditions_.Evaluate({.now = clock_.Steady()}), std::nullopt);
}

TEST_F(ConditionsTest, TripsAtTheProfilesDailyDrawdown) {
  auto facts = Facts();
  facts.account->equity = "9500.01"_dec;
  EXPECT_EQ(conditions_.Evaluate(facts), std::nullopt);
  facts.account->equity = "9500"_dec;
  EXPECT_THAT(*conditions_.Evaluate(facts), testing::StartsWith("DAILY_DRAWDOWN"));
}

TEST_F(ConditionsTest, TripsAtTenPercentOfOpenLoss) {
  auto facts = Facts();
  facts.daily_drawdown_percent_max = "50"_dec;
  facts.unrealized_pnl = "-1000"_dec;
  facts.account->equity = "9000"_dec;
  EXPECT_THAT(*conditions_.Evaluate(facts), testing::StartsWith("OPEN_LOSS"));
}

TEST_F(ConditionsTest, TripsAtFiveExecutionErrorsWithinTheWindowOnly) {
  for (int i = 0; i < 5; ++i) {
    conditions_.OnExecutionError(clock_.Steady());
    clock_.Advance(4min);
  }
  EXPECT_EQ(conditions_.Evaluate(Facts()), std::nullopt);  // the first is 20 minutes old
  for (int i = 0; i < 2; ++i) {
    conditions_.OnExecutionError(clock_.Steady());
  }
  EXPECT_THAT(*conditions_.Evaluate(Facts()), testing::StartsWith("EXECUTION_ERRORS"));
}

TEST_F(ConditionsTest, StaleDataTripsOnlyWhereAPositionIsOpen) {
  auto facts = Facts();
  facts.market_age["BTCUSDT"] = 61s;
  EXPECT_EQ(conditions_.Evaluate(facts), std::nullopt);
  conditions_.OnPosition("BTCUSDT", "1"_dec, true, clock_.Steady());
  EXPECT_THAT(*conditions_.Evaluate(facts), testing::StartsWith("STALE_MARKET_DATA"));
  conditions_.OnPosition("BTCUSDT", "0"_dec, true, clock_.Steady());
  EXPECT_EQ(conditions_.Evaluate(facts), std::nullopt);
}

TEST_F(ConditionsTest, APositionWithoutAStopTripsAfterItsTime) {
  conditions_.OnPosition("BTCUSDT", "1"_dec, false, clock_.Steady());
  clock_.Advance(10s);
  conditions_.OnPosition("BTCUSDT", "2"_dec, false, clock_.Steady());  // the clock runs since it was first naked
  EXPECT_EQ(conditions_.Evaluate(Facts()), std::nullopt);
  clock_.Advance(6s);
  EXPECT_THAT(*conditions_.Evaluate(Facts()), testing::StartsWith("UNPROTECTED_POSITION"));
  conditions_.OnPosition("BTCUSDT", "2"_dec, true, clock_.Steady());
  EXPECT_EQ(conditions_.Evaluate(Facts()), std::nullopt);
}

}  // namespace
}  // namespace quantum::risk_safety
