#include "services/ai_engine/symbol_engine.h"

#include <gtest/gtest.h>

namespace quantum::ai_engine {
namespace {

using namespace std::chrono_literals;
using Applied = SymbolEngine::Applied;

constexpr int64_t kBar = 5'000;

TimedBar At(int64_t number) {
  const double price = 100 + static_cast<double>(number % 7);
  return {number * kBar, {price, price + 1, price - 1, price, 2, 1}};
}

std::vector<TimedBar> Bars(int64_t first, int64_t count) {
  std::vector<TimedBar> bars;
  for (int64_t i = first; i < first + count; ++i) {
    bars.push_back(At(i));
  }
  return bars;
}

TEST(SymbolEngine, BarsThatHistoryHeldAreNotAppliedAgain) {
  SymbolEngine engine({}, kBar);
  engine.WarmUp(Bars(1, 40));
  EXPECT_FALSE(engine.wants_history());
  EXPECT_EQ(engine.OnBar(At(38)), Applied::kRepeat);
  EXPECT_EQ(engine.OnBar(At(40)), Applied::kRepeat);
  EXPECT_EQ(engine.ensemble().features().bars(), 40);
  EXPECT_EQ(engine.OnBar(At(41)), Applied::kNext);
  EXPECT_EQ(engine.ensemble().features().bars(), 41);
}

TEST(SymbolEngine, AShortHoleIsBridgedByFlatBarsSoThatTimeStaysTime) {
  SymbolEngine engine({}, kBar);
  engine.WarmUp(Bars(1, 40));
  EXPECT_EQ(engine.OnBar(At(44)), Applied::kBridged);
  EXPECT_EQ(engine.ensemble().features().bars(), 44);
  EXPECT_TRUE(engine.last().has_value());
}

TEST(SymbolEngine, AfterALongHoleNothingBeforeItCounts) {
  SymbolEngine engine({}, kBar);
  engine.WarmUp(Bars(1, 40));
  ASSERT_TRUE(engine.last().has_value());
  EXPECT_EQ(engine.OnBar(At(40 + SymbolEngine::kBridgedMax + 2)), Applied::kBroken);
  EXPECT_TRUE(engine.wants_history());
  EXPECT_FALSE(engine.last().has_value());
  EXPECT_EQ(engine.ensemble().features().bars(), 1);
  engine.WarmUp(Bars(20, 40));
  EXPECT_FALSE(engine.wants_history());
  EXPECT_TRUE(engine.last().has_value()) << "the venue's history fills the hole";
  EXPECT_EQ(engine.last_open_time(), 59 * kBar);
}

TEST(SymbolEngine, HistoryThatIsOlderOrLessThanWhatIsKnownReplacesNothing) {
  SymbolEngine engine({}, kBar);
  for (const TimedBar& bar : Bars(1, 40)) {
    engine.OnBar(bar);
  }
  engine.WarmUp(Bars(1, 30));
  EXPECT_TRUE(engine.wants_history());
  EXPECT_EQ(engine.last_open_time(), 40 * kBar);
  engine.WarmUp(Bars(36, 5));
  EXPECT_EQ(engine.ensemble().features().bars(), 40);
}

TEST(SymbolEngine, AHoleInsideTheHistoryCountsAsOne) {
  SymbolEngine engine({}, kBar);
  std::vector<TimedBar> history = Bars(1, 40);
  history.push_back(At(100));
  engine.WarmUp(history);
  EXPECT_FALSE(engine.wants_history()) << "there is no better one";
  EXPECT_EQ(engine.ensemble().features().bars(), 1);
}

TEST(MayDecideOn, OnlyOnABarThatIsYoungerThanOneBar) {
  EXPECT_TRUE(MayDecideOn(100'000, kBar, 50ms, 105'050));
  EXPECT_TRUE(MayDecideOn(100'000, kBar, 50ms, 0)) << "no tick yet";
  EXPECT_FALSE(MayDecideOn(100'000, kBar, 5s, 105'050)) << "a backlog after a pause";
  EXPECT_FALSE(MayDecideOn(100'000, kBar, 50ms, 110'000)) << "a bar that was filled in late";
}

}  // namespace
}  // namespace quantum::ai_engine
