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
  EXPECT_TRUE(stop.Reset("ann", kStart + 25h).ok());
  EXPECT_TRUE(stop.AllowsEntries());
  EXPECT_FALSE(stop.Reset("ann", kStart + 25h).ok());
}

TEST(EmergencyStop, ARestartNeverRearmsIt) {
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

TEST(EmergencyStop, DisabledStillObeysAPerson) {
  EmergencyStop stop({.state = EssState::kDisabled}, kCooldown);
  EXPECT_FALSE(stop.Trip("OPEN_LOSS: …", "risk-safety", false, kStart));
  EXPECT_TRUE(stop.Trip("MANUAL: …", "ann", true, kStart));
}

TEST(EssRecord, ADamagedRecordIsAnErrorNotAnArmedStop) {
  for (const char* text : {"", "{", "[]", R"({"state":"ARMED"})", R"({"state":"armed","reason":"","by":"","by_hand":false,"since_ms":1,"version":1})"}) {
    EXPECT_FALSE(ParseEssRecord(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quantum::risk_safety
