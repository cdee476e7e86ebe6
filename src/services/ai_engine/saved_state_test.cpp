#include "services/ai_engine/saved_state.h"

#include <gtest/gtest.h>

namespace quantum::ai_engine {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;

TEST(SavedState, AHoldAndADecisionOnItsWayGoOnAfterARestart) {
  ManualClock clock;
  KeptSymbol kept;
  TakePositionEvent(kept.state, "-0.5"_dec, 1'234, clock.Steady());
  clock.Advance(4s);
  kept.state.busy_until = clock.Steady() + 6s;
  kept.waiting = "d-1";
  const std::string saved = SaveSymbols({{"BTCUSDT", kept}}, clock);

  const ManualClock restarted(clock.Now() + 3s);  // another process, with another steady clock
  const KeptSymbol read = ReadSymbols(saved, restarted)->at("BTCUSDT");
  EXPECT_EQ(read.state.position, "-0.5"_dec);
  EXPECT_EQ(read.state.position_ms, 1'234);
  EXPECT_EQ(*read.state.held_since, restarted.Steady() - 7s);
  EXPECT_EQ(read.state.busy_until, restarted.Steady() + 3s);
  EXPECT_EQ(read.waiting, "d-1");
  // The position is read again: it is the same one, held since then.
  SymbolState state = read.state;
  EXPECT_TRUE(TakePositionRead(state, "-0.5"_dec, 2'000, restarted.Steady()));
  EXPECT_EQ(*state.held_since, restarted.Steady() - 7s);
}

TEST(SavedState, WhatIsOverIsNotKept) {
  const ManualClock clock;
  KeptSymbol kept;
  kept.waiting = "d-1";
  const KeptSymbol read = ReadSymbols(SaveSymbols({{"BTCUSDT", kept}}, clock), clock)->at("BTCUSDT");
  EXPECT_EQ(read.waiting, "");
  EXPECT_FALSE(read.state.held_since.has_value());
}

TEST(SavedState, WhatItDidNotWriteIsRefused) {
  const ManualClock clock;
  EXPECT_FALSE(ReadSymbols("[]", clock).ok());
  EXPECT_FALSE(ReadSymbols(R"({"BTCUSDT": 1})", clock).ok());
  EXPECT_FALSE(ReadSymbols(R"({"BTCUSDT": {"position": 1, "position_ms": 1}})", clock).ok());
}

}  // namespace
}  // namespace quantum::ai_engine
