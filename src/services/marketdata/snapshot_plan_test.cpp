#include "services/marketdata/snapshot_plan.h"

#include <gtest/gtest.h>

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;
using exchange::LocalBook;
using trading::operator""_dec;

exchange::DepthUpdate Update(int64_t id) {
  return {.symbol = "BTCUSDT", .first_update_id = id, .last_update_id = id, .previous_update_id = id - 1};
}

exchange::DepthSnapshot Snapshot(int64_t id) {
  return {.last_update_id = id, .bids = {{"99"_dec, "1"_dec}}, .asks = {{"101"_dec, "1"_dec}}};
}

class SnapshotPlanTest : public ::testing::Test {
 protected:
  // Asks whenever it may until then, always in vain; how often.
  int AsksUntil(SteadyTime until) {
    int asks = 0;
    for (; now_ < until; now_ += 10ms) {
      if (plan_.Wait(book_, now_) == Duration::zero()) {
        ++asks;
        plan_.OnAsked(now_);
        plan_.OnUnusable(now_);
      }
    }
    return asks;
  }

  SteadyTime now_{1h};
  SeededRandom random_{7};
  SnapshotBudget budget_{30};
  SnapshotPlan plan_{budget_, random_};
  LocalBook book_;
};

TEST_F(SnapshotPlanTest, ASilentStreamIsNotABookThatIsWrong) {
  EXPECT_FALSE(plan_.Wait(book_, now_)) << "nothing has come that a snapshot could be joined to";
  book_.Apply(Update(5));
  EXPECT_EQ(plan_.Wait(book_, now_), Duration::zero());
  ASSERT_TRUE(book_.Load(Snapshot(5)).ok());
  EXPECT_FALSE(plan_.Wait(book_, now_ + 1h)) << "an hour of silence changes nothing";
}

TEST_F(SnapshotPlanTest, AsksAtOnceWhenUpdatesComeAfterASilenceHoweverLong) {
  book_.Apply(Update(5));
  AsksUntil(now_ + 5min);
  book_.Restart();
  plan_.OnConnected();
  EXPECT_FALSE(plan_.Wait(book_, now_));
  now_ += 10min;
  book_.Apply(Update(6));
  EXPECT_EQ(plan_.Wait(book_, now_), Duration::zero());
}

TEST_F(SnapshotPlanTest, AsksLessAndLessOftenForWhatFailsAndNeverGivesUp) {
  book_.Apply(Update(5));
  const int first = AsksUntil(now_ + 1min);
  const int tenth = AsksUntil(now_ + 9min) / 9;
  EXPECT_GE(first, 4);
  EXPECT_LE(first, 15);
  EXPECT_GE(tenth, 2);
  EXPECT_LE(tenth, first);
}

TEST_F(SnapshotPlanTest, ABookThatIsLostAgainAndAgainAsksNoMoreThanItsBudget) {
  int asks = 0;
  for (const SteadyTime end = now_ + 5min; now_ < end; now_ += 100ms) {
    book_.Restart();
    plan_.OnConnected();
    book_.Apply(Update(5));
    if (plan_.Wait(book_, now_) == Duration::zero()) {
      ++asks;
      plan_.OnAsked(now_);
      plan_.OnJoined();
    }
  }
  EXPECT_EQ(asks, 5 * 30);
}

TEST_F(SnapshotPlanTest, TheBudgetIsOneForAllSymbols) {
  for (int i = 0; i < 30; ++i) {
    budget_.OnAsked(now_ + i * 1s);
  }
  now_ += 29s;
  book_.Apply(Update(5));
  EXPECT_EQ(plan_.Wait(book_, now_), Duration(31s));
  EXPECT_EQ(plan_.Wait(book_, now_ + 31s), Duration::zero());
}

}  // namespace
}  // namespace quantum::marketdata
