#include "platform/base/clock.h"

#include <gtest/gtest.h>

#include <limits>

namespace quantum {
namespace {

TEST(Clock, FormatsAndParsesTheSameInstant) {
  const WallTime time = FromUnixMs(1'723'161'256'299);
  EXPECT_EQ(FormatIso8601(time), "2024-08-08T23:54:16.299Z");
  EXPECT_EQ(ParseIso8601("2024-08-08T23:54:16.299Z").value(), time);
  EXPECT_EQ(ParseIso8601("2024-08-08T23:54:16.299000001Z").value(), time + std::chrono::nanoseconds(1));
  EXPECT_EQ(FormatIso8601(ParseIso8601("2024-08-08T23:54:16Z").value()), "2024-08-08T23:54:16.000Z");
}

TEST(Clock, RefusesTimesThatAreNotUtcOrDoNotExist) {
  for (const char* text : {"", "2024-08-08", "2024-08-08T23:54:16", "2024-08-08T23:54:16+02:00", "2024-02-30T00:00:00Z",
                           "2024-08-08T24:00:00Z", "2024-08-08T23:54:16.299Zx", "2024-8-08T23:54:16Z",
                           "2024-08-08 23:54:16Z", "2024-08-08T23:54:+1Z", "2024-08-08T23:54:16."}) {
    EXPECT_FALSE(ParseIso8601(text).ok()) << text;
  }
}

TEST(Clock, WhatNanosecondsCannotTellIsRefusedOrTheNearestTimeThatTheyCan) {
  for (const char* text : {"1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_FALSE(ParseIso8601(text).ok()) << text;
  }
  EXPECT_EQ(FormatIso8601(*ParseIso8601("2261-12-31T23:59:59.999Z")), "2261-12-31T23:59:59.999Z");
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(FormatIso8601(FromUnixMs(most)), "2262-04-11T23:47:16.854Z");
  EXPECT_EQ(FormatIso8601(FromUnixMs(-most)), "1677-09-21T00:12:43.146Z");
}

TEST(ManualClock, MovesBothClocksTogether) {
  ManualClock clock;
  const auto wall = clock.Now();
  const auto steady = clock.Steady();
  clock.Advance(std::chrono::seconds(3));
  EXPECT_EQ(clock.Now() - wall, std::chrono::seconds(3));
  EXPECT_EQ(clock.Steady() - steady, std::chrono::seconds(3));
}

}  // namespace
}  // namespace quantum
