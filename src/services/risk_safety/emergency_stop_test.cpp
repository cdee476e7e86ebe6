#include "services/risk_safety/emergency_stop.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;

constexpr auto kCooldown = 15min;
const WallTime kStart = FromUnixMs(1'723'161'256'299);

EmergencyStop Armed() { return EmergencyStop({.state = EssState::kArmed, .since = kStart}, kCooldown); }

TEST(EmergencyStop, ATripStaysWhileItsConditionHoldsThenCoolsDownThenRearms) {
  EmergencyStop stop = Armed();
  EXPECT_TRUE(stop.Trip("DAILY_DRAWDOWN: …", "risk-safety", false, kStart));
  EXPECT_FALSE(stop.AllowsEntries());
  EXPECT_FALSE(stop.Advance(true, kStart + 1h));
  EXPECT_TRUE(stop.Advance(false, kStart + 1h));
  EXPECT_EQ(stop.record().state, EssState::kCoolingDown);
  EXPECT_FALSE(stop.AllowsEntries());
  EXPECT_EQ(stop.ExpiresAt(), kStart + 1h + kCooldown);
  EXPECT_FALSE(stop.Advance(false, kStart + 1h + 14min));
  EXPECT_TRUE(stop.Advance(false, kStart + 1h + 15min));
  EXPECT_TRUE(stop.AllowsEntries());
}

TEST(EmergencyStop, WhatAPersonTrippedOnlyAPersonRearms) {
  EmergencyStop stop = Armed();
  stop.Trip("MANUAL: drill", "ann", true, kStart);
  EXPECT_FALSE(stop.Advance(false, kStart + 24h));
  EXPECT_EQ(stop.record().state, EssState::kTripped);
  EXPECT_TRUE(stop.Reset("RESET: looked into", "ann", kStart + 25h).ok());
  EXPECT_TRUE(stop.AllowsEntries());
  EXPECT_FALSE(stop.Reset("RESET: looked into", "ann", kStart + 25h).ok());
}

TEST(EmergencyStop, Pain10ARestartNeverRearmsIt) {
  EmergencyStop stop = Armed();
  stop.Trip("OPEN_LOSS: …", "risk-safety", false, kStart);
  const EmergencyStop again(ParseEssRecord(ToJson(stop.record())).value(), kCooldown);
  EXPECT_EQ(again.record().state, EssState::kTripped);
  EXPECT_EQ(again.record().reason, "OPEN_LOSS: …");
  EXPECT_EQ(again.record().version, stop.record().version);
}

TEST(EmergencyStop, ARepeatedTripIsOneTripAndAPersonsTripTakesOver) {
  EmergencyStop stop = Armed();
  EXPECT_TRUE(stop.Trip("OPEN_LOSS: a", "risk-safety", false, kStart));
  EXPECT_FALSE(stop.Trip("OPEN_LOSS: b", "risk-safety", false, kStart));
  EXPECT_TRUE(stop.Trip("MANUAL: stay", "ann", true, kStart));
  EXPECT_FALSE(stop.Advance(false, kStart + 24h));
}

TEST(EmergencyStop, NothingMovesWhileAConditionHoldsAndAConditionTripsACoolingStopAgain) {
  EmergencyStop stop = Armed();
  stop.Trip("OPEN_LOSS: a", "risk-safety", false, kStart);
  ASSERT_TRUE(stop.Advance(false, kStart + 1min));
  EXPECT_FALSE(stop.Advance(true, kStart + 1h));
  EXPECT_EQ(stop.record().state, EssState::kCoolingDown);
  EXPECT_TRUE(stop.Trip("OPEN_LOSS: b", "risk-safety", false, kStart + 1h));
  EXPECT_EQ(stop.record().state, EssState::kTripped);
  EXPECT_EQ(stop.record().reason, "OPEN_LOSS: b");
}

TEST(EmergencyStop, AResetKeepsItsReasonAndWhoDidIt) {
  EmergencyStop stop = Armed();
  stop.Trip("OPEN_LOSS: a", "risk-safety", false, kStart);
  ASSERT_TRUE(stop.Reset("RESET: hedged by hand", "ann", kStart + 1min).ok());
  EXPECT_EQ(stop.record().reason, "RESET: hedged by hand");
  EXPECT_EQ(stop.record().by, "ann");
  EXPECT_TRUE(stop.record().by_hand);
}

TEST(EmergencyStop, SwitchedOffByTheConfigurationItRestsDisabledAndBackAgain) {
  EmergencyStop off({.state = EssState::kArmed, .since = kStart, .version = 4}, kCooldown, EssState::kDisabled);
  EXPECT_TRUE(off.Settle(kStart));
  EXPECT_FALSE(off.Settle(kStart));
  EXPECT_EQ(off.record().state, EssState::kDisabled);
  EXPECT_EQ(off.record().version, 5);
  EXPECT_FALSE(off.Trip("OPEN_LOSS: a", "risk-safety", false, kStart));
  ASSERT_TRUE(off.Trip("MANUAL: a", "ann", true, kStart));
  EXPECT_FALSE(off.Settle(kStart));  // a trip stands whatever the configuration says
  ASSERT_TRUE(off.Reset("RESET: b", "ann", kStart).ok());
  EXPECT_EQ(off.record().state, EssState::kDisabled);
  EmergencyStop on(off.record(), kCooldown);
  EXPECT_TRUE(on.Settle(kStart));
  EXPECT_EQ(on.record().state, EssState::kArmed);
}

TEST(EmergencyStop, DisabledStillObeysAPerson) {
  EmergencyStop stop({.state = EssState::kDisabled}, kCooldown, EssState::kDisabled);
  EXPECT_FALSE(stop.Trip("OPEN_LOSS: …", "risk-safety", false, kStart));
  EXPECT_TRUE(stop.Trip("MANUAL: …", "ann", true, kStart));
}

TEST(EssRecord, ADamagedRecordIsAnErrorNotAnArmedStop) {
  for (const char* text : {"", "{", "[]", R"({"state":"ARMED"})",
                           R"({"state":"armed","reason":"","by":"","by_hand":false,"since_ms":1,"version":1})"}) {
    EXPECT_FALSE(ParseEssRecord(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quantum::risk_safety
