#include "services/risk_safety/ess_agreement.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;

const WallTime kThen = FromUnixMs(1'723'161'256'299);

EssRecord Record(EssState state, bool by_hand, int64_t version = 3) {
  return {.state = state, .reason = "r", .by = "x", .by_hand = by_hand, .since = kThen, .version = version};
}
ExecutionHalt Halted(bool by_operator, Duration after) {
  return {.halted = true, .by_operator = by_operator, .reason = "r", .since = kThen + after};
}

TEST(EssAgreement, ATripThatExecutionDoesNotKnowIsOwedAndSoIsARearm) {
  EXPECT_EQ(Compare(Record(EssState::kTripped, false), {}), Discord::kHaltOwed);
  EXPECT_EQ(Compare(Record(EssState::kCoolingDown, false), {}), Discord::kHaltOwed);
  EXPECT_EQ(Compare(Record(EssState::kArmed, false), {}), Discord::kNone);
  EXPECT_EQ(Compare(Record(EssState::kArmed, false), Halted(false, -1h)), Discord::kRearmOwed);
  EXPECT_EQ(Compare(Record(EssState::kArmed, true), Halted(true, -1h)), Discord::kRearmOwed);
}

TEST(EssAgreement, WhatAnOperatorHaltedAtExecutionIsATripByHand) {
  EXPECT_EQ(Compare(Record(EssState::kArmed, true), Halted(true, 1h)), Discord::kHaltByHand);
  EXPECT_EQ(Compare(Record(EssState::kArmed, false), Halted(true, -1h)), Discord::kHaltByHand);
  EXPECT_EQ(Compare(Record(EssState::kDisabled, false), Halted(true, 1h)), Discord::kHaltByHand);
  EXPECT_EQ(Compare(Record(EssState::kTripped, false), Halted(true, 1h)), Discord::kHaltByHand);
  EXPECT_EQ(Compare(Record(EssState::kCoolingDown, false), Halted(true, 1h)), Discord::kHaltByHand);
  EXPECT_EQ(Compare(Record(EssState::kTripped, true), Halted(true, 1h)), Discord::kNone);
  // Before any change of ours nothing can be left behind.
  EXPECT_EQ(Compare(Record(EssState::kArmed, false, 0), Halted(true, -1h)), Discord::kHaltByHand);
}

TEST(EssAgreement, AHaltInOurNameThatWeDoNotRememberIsATripThatWasForgotten) {
  EXPECT_EQ(Compare(Record(EssState::kArmed, false), Halted(false, 1h)), Discord::kHaltUnknown);
  EXPECT_EQ(Compare(Record(EssState::kArmed, false, 0), Halted(false, -1h)), Discord::kHaltUnknown);
}

TEST(EssRestore, TheNewerOfDiskAndPostgresCounts) {
  const KeptRecord kept{KeptRecord::State::kGood, Record(EssState::kTripped, false, 5)};
  std::optional<EssRecord> stored = Record(EssState::kArmed, false, 4);
  EXPECT_EQ(ChooseRecord(kept, &stored, kThen).record.state, EssState::kTripped);
  EXPECT_TRUE(ChooseRecord(kept, &stored, kThen).owed);
  stored = Record(EssState::kArmed, false, 6);
  EXPECT_EQ(ChooseRecord(kept, &stored, kThen).record.state, EssState::kArmed);
  EXPECT_FALSE(ChooseRecord(kept, &stored, kThen).owed);
  EXPECT_EQ(ChooseRecord(kept, nullptr, kThen).record.state, EssState::kTripped);
  stored.reset();
  EXPECT_EQ(ChooseRecord({}, &stored, kThen).record.state, EssState::kArmed);
}

TEST(EssRestore, ADamagedFileWinsOverWhatIsStoredUnlessThatIsATrip) {
  const KeptRecord damaged{KeptRecord::State::kDamaged, {}};
  std::optional<EssRecord> stored = Record(EssState::kArmed, false, 7);
  const Restored restored = ChooseRecord(damaged, &stored, kThen);
  EXPECT_EQ(restored.record.state, EssState::kTripped);
  EXPECT_TRUE(restored.record.by_hand);
  EXPECT_EQ(restored.record.version, 8);
  EXPECT_TRUE(restored.owed);
  stored = Record(EssState::kTripped, false, 7);
  EXPECT_EQ(ChooseRecord(damaged, &stored, kThen).record, *stored);
}

TEST(EssRestore, ADamagedFileFoundWithoutPostgresStillWinsInTheNextLife) {
  const KeptRecord damaged{KeptRecord::State::kDamaged, {}};
  const EssRecord first = ChooseRecord(damaged, nullptr, kThen).record;
  EXPECT_EQ(first.state, EssState::kTripped);
  EXPECT_FALSE(first.numbered);
  const EssRecord kept = ParseEssRecord(ToJson(first)).value();
  std::optional<EssRecord> stored = Record(EssState::kArmed, false, 7);
  const Restored again = ChooseRecord({KeptRecord::State::kGood, kept}, &stored, kThen);
  EXPECT_EQ(again.record.state, EssState::kTripped);
  EXPECT_EQ(again.record.version, 8);
}

TEST(EssRestore, WhereVersionsCannotTellWhatBlocksEntriesWins) {
  const KeptRecord kept{KeptRecord::State::kGood, Record(EssState::kTripped, false, 5)};
  const std::optional<EssRecord> stored = Record(EssState::kArmed, false, 5);
  const Restored restored = ChooseRecord(kept, &stored, kThen);
  EXPECT_EQ(restored.record.state, EssState::kTripped);
  EXPECT_EQ(restored.record.version, 6);
}

}  // namespace
}  // namespace quantum::risk_safety
