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

TEST(EnsembleStrategy, OpensNothingWhileTheSpreadIsUnknown) {
  const auto strategy = MakeEnsembleStrategy({});
  const ManualClock clock;
  const SymbolState state{.price = "60000"_dec};
  EXPECT_FALSE(strategy->OnBar("BTCUSDT", Rising(0.01), {}, state, clock.Steady()).has_value());
  SymbolState held{.price = "60000"_dec, .position = "-0.01"_dec};
  EXPECT_TRUE(strategy->OnBar("BTCUSDT", Rising(0.01), {}, held, clock.Steady()).has_value())
      << "an exit does not wait";
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
  const SymbolState state{.price = "60000"_dec, .spread = 0.0001, .busy_until = clock.Steady() + 1s};
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

// Plays the exerciser against orders that take `way` to become a position; the decisions in the given time.
int Decisions(const ExerciserOptions& options, const std::vector<std::string>& symbols, Duration way, Duration length) {
  SeededRandom random(7);
  ManualClock clock;
  const auto strategy = MakeExerciser(options, symbols, random);
  std::map<std::string, SymbolState> states;
  std::map<std::string, SteadyTime> filled;
  for (const std::string& symbol : symbols) {
    states[symbol].price = "60000"_dec;
  }
  int decisions = 0;
  for (Duration t{}; t < length; t += strategy->interval(), clock.Advance(strategy->interval())) {
    for (auto& [symbol, state] : states) {
      if (filled.contains(symbol) && clock.Steady() >= filled[symbol]) {
        TakePositionEvent(state, state.position.is_zero() ? "0.01"_dec : "0"_dec, ++state.position_ms, filled[symbol]);
        state.busy_until = {};
        filled.erase(symbol);
      }
    }
    if (const auto wish = strategy->OnTimer(states, clock.Steady())) {
      ++decisions;
      states[wish->symbol].busy_until = clock.Steady() + 1h;
      filled[wish->symbol] = clock.Steady() + way;
    }
  }
  return decisions;
}

TEST(Exerciser, MeetsItsRateByDefaultAndWhenTwentyASecondAreAskedFor) {
  const ExerciserOptions usual = SettleHold({}, 2).value();
  EXPECT_GE(Decisions(usual, {"A", "B"}, 50ms, 100s), 47) << "of 50";
  const ExerciserOptions fast = SettleHold({.decisions_per_second = 20}, 5).value();
  EXPECT_GE(Decisions(fast, {"A", "B", "C", "D", "E"}, 50ms, 10s), 190) << "of 200";
}

TEST(Exerciser, ARateThatTheHoldDoesNotAllowIsRefusedWithTheNumbers) {
  const auto refused = SettleHold({.decisions_per_second = 0.5, .hold = 10s}, 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "0.5 decisions a second cannot be met: 2 symbols, each opened and closed once per hold of 10 s, make at "
            "most 0.40; name more symbols, a shorter hold, or leave hold out");
  EXPECT_EQ(SettleHold({.decisions_per_second = 0.4, .hold = 10s}, 2)->hold, 10s);
  EXPECT_EQ(SettleHold({.decisions_per_second = 0.01}, 2)->hold, 10s) << "never longer";
}

TEST(SymbolState, APositionReadBeforeANewerEventDoesNotOverwriteIt) {
  ManualClock clock;
  SymbolState state;
  EXPECT_TRUE(TakePositionRead(state, "1"_dec, 500, clock.Steady())) << "nothing else is known yet";
  EXPECT_TRUE(TakePositionEvent(state, "0"_dec, 1'000, clock.Steady()));
  EXPECT_FALSE(TakePositionRead(state, "1"_dec, 999, clock.Steady()));
  EXPECT_TRUE(state.position.is_zero());
  EXPECT_FALSE(TakePositionEvent(state, "2"_dec, 800, clock.Steady()));
  EXPECT_TRUE(TakePositionRead(state, "3"_dec, 1'001, clock.Steady())) << "the event is still on its way";
  EXPECT_EQ(state.position, "3"_dec);
}

TEST(SymbolState, ThePositionIsHeldSinceItWasOpenedOrTurned) {
  ManualClock clock;
  SymbolState state;
  const SteadyTime opened = clock.Steady();
  TakePositionEvent(state, "1"_dec, 1, opened);
  clock.Advance(5s);
  TakePositionEvent(state, "2"_dec, 2, clock.Steady());
  EXPECT_EQ(state.held_since, opened);
  TakePositionEvent(state, "-1"_dec, 3, clock.Steady());
  EXPECT_EQ(state.held_since, clock.Steady());
  TakePositionEvent(state, "0"_dec, 4, clock.Steady());
  EXPECT_FALSE(state.held_since.has_value());
}

}  // namespace
}  // namespace quantum::ai_engine
