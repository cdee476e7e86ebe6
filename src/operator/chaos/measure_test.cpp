#include "operator/chaos/measure.h"

#include <gtest/gtest.h>

namespace quantum::operate::chaos {
namespace {

using Kind = Record::Kind;

class MeasureTest : public ::testing::Test {
 protected:
  void Publish(const std::string& producer, uint64_t operation, int64_t started, int64_t ok) {
    records_.push_back({Kind::kOk, ok, producer, operation, "", "", ""});
    records_.push_back({Kind::kStarted, started, producer, operation, "", "s", "K"});
  }
  void Apply(const std::string& group, const std::string& producer, uint64_t operation, int64_t at) {
    records_.push_back({Kind::kApplied, at, producer, operation, group, "s", "K"});
  }
  Measured At(int64_t struck) const { return Measure(records_, struck, {"p", "q"}, {"a", "b"}); }
  std::vector<Record> records_;
};

TEST_F(MeasureTest, RecoveryCountsOperationsBegunSinceTheFaultAndTheSlowestOfAll) {
  Publish("p", 1, 90, 130);  // begun before
  Publish("p", 2, 110, 120);
  Publish("q", 1, 140, 150);
  Apply("a", "p", 2, 160);
  Apply("b", "p", 1, 155);
  Apply("b", "q", 1, 190);
  records_.push_back({Kind::kStored, 135, "p", 1, "", "s", ""});
  records_.push_back({Kind::kStored, 145, "q", 1, "", "s", ""});
  records_.push_back({Kind::kStored, 143, "p", 2, "", "s", ""});
  const Measured measured = At(100);
  EXPECT_EQ(measured.acknowledged, 3u);
  EXPECT_EQ(measured.accepted, 50);
  EXPECT_EQ(measured.stored, 43);
  EXPECT_EQ(measured.delivered, 90);
}

TEST_F(MeasureTest, WhatNeverCameBackHasNoTime) {
  Publish("p", 1, 110, 120);
  Apply("a", "p", 1, 130);
  const Measured measured = At(100);
  EXPECT_FALSE(measured.accepted);
  EXPECT_FALSE(measured.stored);
  EXPECT_FALSE(measured.delivered);
}

TEST_F(MeasureTest, InFlightIsWhatBeganBeforeTheFaultAndEndedAfterIt) {
  Publish("p", 1, 10, 20);  // done
  Apply("a", "p", 1, 30);
  Apply("b", "p", 1, 40);
  Publish("p", 2, 50, 60);  // acknowledged, one group has it later
  Apply("a", "p", 2, 70);
  Apply("b", "p", 2, 130);
  Publish("p", 3, 95, 105);   // acknowledged later
  Publish("p", 4, 101, 106);  // begun later
  EXPECT_EQ(At(100).in_flight, 2u);
}

TEST_F(MeasureTest, TheLargestLagIsThatOfTheWorstGroupAtTheWorstMoment) {
  for (uint64_t i = 1; i <= 5; ++i) {
    Publish("p", i, static_cast<int64_t>(i), static_cast<int64_t>(10 + i));
    Apply("a", "p", i, static_cast<int64_t>(i + 5));  // before its acknowledgement
    Apply("b", "p", i, static_cast<int64_t>(100 + i));
  }
  EXPECT_EQ(At(0).largest_lag, 5u);
}

}  // namespace
}  // namespace quantum::operate::chaos
