#include "operator/supervisor/schedule.h"

#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

using namespace std::chrono_literals;

WallTime At(const char* text) { return ParseIso8601(text).value(); }

const config::Schedule kDaily{.kind = config::Schedule::Kind::kDaily, .time_of_day = 150min, .text = "daily 02:30 UTC"};
const config::Schedule kEvery{.kind = config::Schedule::Kind::kEvery, .interval = 6h, .text = "every 6h"};

TEST(Schedule, DailyIsTheNextSuchTimeAfterNow) {
  EXPECT_EQ(NextRun(kDaily, At("2026-11-23T02:29:59Z"), {}), At("2026-11-23T02:30:00Z"));
  EXPECT_EQ(NextRun(kDaily, At("2026-11-23T02:30:00Z"), {}), At("2026-11-24T02:30:00Z"));
  EXPECT_EQ(NextRun(kDaily, At("2026-12-31T23:00:00Z"), {}), At("2027-01-01T02:30:00Z"));
}

TEST(Schedule, ADailyTimeThatPassedWhileThePlatformWasDownIsLeftOut) {
  EXPECT_EQ(NextRun(kDaily, At("2026-11-23T09:00:00Z"), At("2026-11-20T02:30:00Z")), At("2026-11-24T02:30:00Z"));
}

TEST(Schedule, EveryCountsFromTheLastStartAndMayBeOverdue) {
  EXPECT_EQ(NextRun(kEvery, At("2026-11-23T09:00:00Z"), At("2026-11-23T08:00:00Z")), At("2026-11-23T14:00:00Z"));
  EXPECT_EQ(NextRun(kEvery, At("2026-11-23T09:00:00Z"), At("2026-11-22T08:00:00Z")), At("2026-11-22T14:00:00Z"));
  EXPECT_EQ(NextRun(kEvery, At("2026-11-23T09:00:00Z"), {}), At("2026-11-23T09:00:00Z"));
}

}  // namespace
}  // namespace quantum::operate
