#include "services/ai_engine/strategy.h"

#include <gtest/gtest.h>

namespace quantum::ai_engine {
namespace {

using namespace std::chrono_literals;
using trading::Side;
using trading::event::Intent;
using trading::operator""_dec;

Assessment Rising(double expected_move) {
  Assessment assessment;
  assessment.action = 1;
  assessment.probability = 0.8;
  assessment.expected_move = expected_move;
  return assessment;
}

TEST(EnsembleStrategy, AbstainsWhenTheMoveDoesNotPayTheCosts) {
  const auto strategy = MakeEnsembleStrategy({});
  const ManualClock clock;
  const SymbolState state{.price = "60000"_dec, .spread = 0.0001};
  EXPECT_FALSE(strategy->OnBar("BTCUSDT", Rising(0.0011), {}, state, clock.Steady()).has_value());
  const auto wish = strategy->OnBar("BTCUSDT", Rising(0.0014), {}, state, clock.Steady());
  ASSERT_TRUE(wish.has_value());
  EXPECT_EQ(wish->intent, Intent::kOpen);
  EXPECT_EQ(wish->side, Side::kBuy);
  EXPECT_GT(wish->stop_distance, 0);
}

TEST(EnsembleStrategy, ClosesWhatItNoLongerBelievesAndNeverAddsToIt) {
  const auto strategy = MakeEnsembleStrategy({});
  const ManualClock clock;
  SymbolState state{.price = "60000"_dec, .position = "-0.01"_dec};
  const auto wish = strategy->OnBar("BTCUSDT", Rising(0.01), {}, state, clock.Steady());
  ASSERT_TRUE(wish.has_value());
  EXPECT_EQ(wish->intent, Intent::kClose);
  EXPECT_EQ(wish->side, Side::kBuy);
  state.position = "0.01"_dec;
  EXPECT_FALSE(strategy->OnBar("BTCUSDT", Rising(0.01), {}, state, clock.Steady()).has_value());
}

TEST(EnsembleStrategy, WaitsWhileADecisionIsOnItsWay) {
  const auto strategy = MakeEnsembleStrategy({});
  const ManualClock clock;
  const SymbolState state{.price = "60000"_dec, .busy_until = clock.Steady() + 1s};
  EXPECT_FALSE(strategy->OnBar("BTCUSDT", Rising(0.01), {}, state, clock.Steady()).has_value());
}

TEST(Exerciser, OpensHoldsAndCloses) {
  SeededRandom random(7);
  ManualClock clock;
  const auto strategy = MakeExerciser({.hold = 10s}, {"BTCUSDT"}, random);
  std::map<std::string, SymbolState> states;
  EXPECT_FALSE(strategy->OnTimer(states, clock.Steady()).has_value());  // no price yet
  states["BTCUSDT"].price = "60000"_dec;
  EXPECT_EQ(strategy->OnTimer(states, clock.Steady())->intent, Intent::kOpen);
  states["BTCUSDT"].position = "0.002"_dec;
  states["BTCUSDT"].held_since = clock.Steady();
  EXPECT_FALSE(strategy->OnTimer(states, clock.Steady()).has_value());
  clock.Advance(10s);
  const auto close = strategy->OnTimer(states, clock.Steady());
  EXPECT_EQ(close->intent, Intent::kClose);
  EXPECT_EQ(close->side, Side::kSell);
}

}  // namespace
}  // namespace quantum::ai_engine
