#include "services/risk_safety/day_start.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;

const WallTime kMorning = ParseIso8601("2026-11-23T08:00:00.000Z").value();

TEST(DayStart, TheFirstLookOfADayIsItsStartWithoutAskingAnybody) {
  DayStart start;
  EXPECT_EQ(start.For(kMorning, "10000"_dec), "10000"_dec);
  EXPECT_EQ(start.For(kMorning + 1h, "9000"_dec), "10000"_dec);
  EXPECT_EQ(start.For(kMorning + 24h, "9000"_dec), "9000"_dec);
  EXPECT_FALSE(start.entry()->settled);
}

TEST(DayStart, PostgresHasTheLastWordOnItsOwnDay) {
  DayStart start;
  start.For(kMorning, "10000"_dec);
  start.Settle("2026-11-22", "1"_dec);
  EXPECT_EQ(start.For(kMorning, "9000"_dec), "10000"_dec);
  start.Settle("2026-11-23", "11000"_dec);
  EXPECT_EQ(start.For(kMorning, "9000"_dec), "11000"_dec);
  EXPECT_TRUE(start.entry()->settled);
}

TEST(DayStart, SurvivesARestartByItsFileAndADamagedFileRestoresNothing) {
  DayStart start;
  start.For(kMorning, "10000.5"_dec);
  DayStart again;
  again.Restore(start.ToJson());
  EXPECT_EQ(again.For(kMorning + 1h, "9000"_dec), "10000.5"_dec);
  for (const char* text : {"", "{", "[]", R"({"day":"2026-11-23","equity":5})", R"({"day":1,"equity":"5"})"}) {
    DayStart damaged;
    damaged.Restore(text);
    EXPECT_FALSE(damaged.entry().has_value()) << text;
  }
}

}  // namespace
}  // namespace quantum::risk_safety
