#include "operator/chaos/checker.h"

#include <gtest/gtest.h>

namespace quantum::operate::chaos {
namespace {

using Kind = Record::Kind;

// A history in the making: two groups, one producer unless said otherwise.
class CheckerTest : public ::testing::Test {
 protected:
  void Publish(uint64_t operation, Kind outcome, const std::string& key = "K") {
    checker_.Add({Kind::kStarted, ++time_, "p", operation, "", "s", key});
    checker_.Add({outcome, ++time_, "p", operation, "", "", ""});
  }
  void Deliver(const std::string& group, uint64_t operation, const std::string& key = "K") {
    checker_.Add({Kind::kDelivered, ++time_, "p", operation, group, "s", key});
  }
  void Apply(const std::string& group, uint64_t operation, const std::string& key = "K") {
    Deliver(group, operation, key);
    checker_.Add({Kind::kApplied, time_, "p", operation, group, "s", key});
  }
  void ApplyByBoth(uint64_t operation) {
    Apply("a", operation);
    Apply("b", operation);
  }
  void Store(uint64_t operation) { checker_.Add({Kind::kStored, ++time_, "p", operation, "", "s", ""}); }
  const Verdict& verdict() const { return checker_.verdict(); }

  int64_t time_ = 0;
  Checker checker_{{"a", "b"}};
};

TEST_F(CheckerTest, AHistoryWithoutAFlawIsGood) {
  for (uint64_t i = 1; i <= 10; ++i) {
    Publish(i, Kind::kOk);
    Store(i);
    ApplyByBoth(i);
  }
  EXPECT_TRUE(verdict().good());
  EXPECT_EQ(verdict().acknowledged, 10u);
  EXPECT_EQ(verdict().delivered, 20u);
  EXPECT_TRUE(checker_.Examples(10).empty());
}

TEST_F(CheckerTest, AnAcknowledgedOperationIsLostForEachGroupThatDidNotApplyIt) {
  Publish(1, Kind::kOk);
  EXPECT_EQ(verdict().lost, 2u);
  Apply("a", 1);
  EXPECT_EQ(verdict().lost, 1u);
  EXPECT_FALSE(verdict().good());
  EXPECT_EQ(checker_.Examples(10), (std::vector<std::string>{"operation 1 of p was acknowledged and never reached b"}));
  Apply("b", 1);
  EXPECT_TRUE(verdict().good());
}

TEST_F(CheckerTest, ADeliveryWithoutAnEffectDoesNotSaveAnOperation) {
  Publish(1, Kind::kOk);
  Deliver("a", 1);
  Deliver("b", 1);
  EXPECT_EQ(verdict().lost, 2u);
}

TEST_F(CheckerTest, TheEffectMayBeRecordedBeforeTheAcknowledgement) {
  checker_.Add({Kind::kStarted, 1, "p", 1, "", "s", "K"});
  ApplyByBoth(1);
  checker_.Add({Kind::kOk, 5, "p", 1, "", "", ""});
  EXPECT_TRUE(verdict().good());
}

TEST_F(CheckerTest, AnEffectThatHappensTwiceInAGroupIsDoubled) {
  Publish(1, Kind::kOk);
  ApplyByBoth(1);
  EXPECT_EQ(verdict().doubled, 0u) << "once in each group is right";
  Apply("b", 1);
  EXPECT_EQ(verdict().doubled, 1u);
  EXPECT_FALSE(verdict().good());
  EXPECT_EQ(checker_.Examples(1).at(0), "s 1 of p took effect again, in b");
}

TEST_F(CheckerTest, ARepeatThatTheHandlerKnewIsARedeliveryAndNoViolation) {
  Publish(1, Kind::kOk);
  Deliver("b", 1);  // killed before the effect
  ApplyByBoth(1);
  EXPECT_EQ(verdict().redelivered, 1u);
  Deliver("a", 1);
  EXPECT_EQ(verdict().redelivered, 2u);
  EXPECT_TRUE(verdict().good());
}

TEST_F(CheckerTest, AnIndeterminateOperationMayTakeEffectOrNotButNotTwice) {
  Publish(1, Kind::kUnknown);
  Publish(2, Kind::kUnknown);
  Apply("a", 1);
  EXPECT_EQ(verdict().indeterminate, 2u);
  EXPECT_TRUE(verdict().good());
  Apply("a", 1);
  EXPECT_EQ(verdict().doubled, 1u);
}

TEST_F(CheckerTest, ARefusedOperationThatTakesEffectContradictsItsPublisherOnce) {
  Publish(1, Kind::kFailed);
  EXPECT_TRUE(verdict().good());
  Store(1);
  ApplyByBoth(1);
  EXPECT_EQ(verdict().contradicted, 1u);
  EXPECT_FALSE(verdict().good());
  checker_.Add({Kind::kStarted, 1, "p", 2, "", "s", "K"});
  Apply("a", 2);
  checker_.Add({Kind::kFailed, 3, "p", 2, "", "", ""});
  EXPECT_EQ(verdict().contradicted, 2u) << "also when the refusal is recorded last";
}

TEST_F(CheckerTest, AnOperationHasOneOutcome) {
  Publish(1, Kind::kFailed);
  checker_.Add({Kind::kOk, 9, "p", 1, "", "", ""});
  EXPECT_EQ(verdict().contradicted, 1u);
}

TEST_F(CheckerTest, AnEffectOfWhatNobodyPublishedIsInvented) {
  Apply("a", 7);
  EXPECT_EQ(verdict().invented, 1u);
  EXPECT_EQ(checker_.Examples(1).at(0), "operation 7 of p was published by nobody");
  checker_.Add({Kind::kStarted, 1, "p", 7, "", "s", "K"});
  EXPECT_EQ(verdict().invented, 0u) << "the producer's file may be read later than the group's";
}

TEST_F(CheckerTest, EffectsOfOneKeyKeepTheProducersOrderInEveryGroup) {
  for (uint64_t i = 1; i <= 3; ++i) {
    Publish(i, Kind::kOk);
  }
  Apply("a", 1);
  Apply("a", 3);
  Apply("a", 2);
  EXPECT_EQ(verdict().disordered, 1u);
  EXPECT_FALSE(verdict().good());
  ApplyByBoth(1);
  EXPECT_EQ(verdict().disordered, 1u) << "the order of group b is its own, and repeats do not count";
}

TEST_F(CheckerTest, EffectsOfDifferentKeysMayOvertakeEachOther) {
  Publish(1, Kind::kOk, "K1");
  Publish(2, Kind::kOk, "K2");
  for (const char* group : {"a", "b"}) {
    Apply(group, 2, "K2");
    Apply(group, 1, "K1");
  }
  EXPECT_TRUE(verdict().good());
}

TEST_F(CheckerTest, AStreamHoldsAProducersOperationsInTheirOrder) {
  for (uint64_t i = 1; i <= 3; ++i) {
    Publish(i, Kind::kOk);
    ApplyByBoth(i);
  }
  Store(2);
  Store(1);
  EXPECT_EQ(verdict().misplaced, 1u);
  EXPECT_FALSE(verdict().good());
  Store(2);
  EXPECT_EQ(verdict().stored_twice, 1u);
  EXPECT_EQ(verdict().misplaced, 1u) << "a repeat has its first place";
}

TEST_F(CheckerTest, TellsWhichOperationsHaveNoOutcomeYet) {
  checker_.Add({Kind::kStarted, 1, "p", 1, "", "s", "K"});
  EXPECT_EQ(checker_.unresolved(), 1u);
  checker_.Add({Kind::kUnknown, 2, "p", 1, "", "", ""});
  EXPECT_EQ(checker_.unresolved(), 0u);
}

TEST_F(CheckerTest, ProducersCountForThemselves) {
  Publish(1, Kind::kOk);
  ApplyByBoth(1);
  checker_.Add({Kind::kStarted, 9, "q", 1, "", "s", "K"});
  checker_.Add({Kind::kOk, 9, "q", 1, "", "", ""});
  EXPECT_EQ(verdict().lost, 2u);
}

TEST(Record, ComesBackFromItsLine) {
  const Record record{Kind::kApplied, 123456789012345, "producer-1", 42, "group-2", "chaos-a", "K3"};
  const std::string line = ToLine(record);
  EXPECT_TRUE(line.ends_with("}\n"));
  const auto parsed = ParseLine(line);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(ToLine(*parsed), line);
  EXPECT_EQ(parsed->operation, 42u);
  EXPECT_EQ(parsed->group, "group-2");
}

TEST(Record, RefusesALineThatIsTornOrSaysTooLittle) {
  const std::string line = ToLine({Kind::kApplied, 1, "p", 1, "g", "s", "K"});
  for (size_t length = 0; length + 2 < line.size(); ++length) {
    EXPECT_FALSE(ParseLine(line.substr(0, length)).ok()) << line.substr(0, length);
  }
  EXPECT_FALSE(ParseLine(R"({"t":1,"k":"applied","p":"p","n":1})").ok()) << "without its group";
  EXPECT_FALSE(ParseLine(R"({"t":1,"k":"eaten","p":"p","n":1})").ok());
  EXPECT_FALSE(ParseLine(R"({"t":1,"k":"ok","p":"p","n":0})").ok());
}

}  // namespace
}  // namespace quantum::operate::chaos
