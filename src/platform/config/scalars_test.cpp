#include "platform/config/scalars.h"

#include <gtest/gtest.h>

namespace quantum::config {
namespace {

using namespace std::chrono_literals;

TEST(Scalars, DurationsAreAWholeNumberWithAUnit) {
  EXPECT_EQ(*ParseDuration("250ms"), 250ms);
  EXPECT_EQ(*ParseDuration("30s"), 30s);
  EXPECT_EQ(*ParseDuration("15min"), 15min);
  EXPECT_EQ(*ParseDuration("24h"), 24h);
  EXPECT_EQ(*ParseDuration("7d"), 168h);
  EXPECT_EQ(*ParseDuration("5us"), 5us);
  for (const char* text :
       {"", "5", "s", "-5s", "1.5s", "5 s", "5m", "5sec", "99999999999999d", "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
  EXPECT_EQ(ParseDuration("5m").error().message, "expected a duration such as 250ms, 30s, 15min or 24h, found '5m'");
}

TEST(Scalars, ADurationIsFormattedInTheLargestUnitThatDividesIt) {
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(2h), "2h");
  EXPECT_EQ(FormatDuration(0s), "0s");
  EXPECT_EQ(*ParseDuration(FormatDuration(1234567ns)), 1234567ns);
}

TEST(Scalars, SizesArePlainOrBinary) {
  EXPECT_EQ(*ParseBytes("64KiB"), 65536u);
  EXPECT_EQ(*ParseBytes("100MiB"), 104857600u);
  EXPECT_EQ(*ParseBytes("2GiB"), 2147483648u);
  EXPECT_EQ(*ParseBytes("17"), 17u);
  for (const char* text : {"", "KiB", "1KB", "-1", "1.5MiB", "99999999999GiB"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
  }
}

TEST(Scalars, NumbersAndTruthsAreTakenWholeOrNotAtAll) {
  EXPECT_EQ(*ParseInt("-12"), -12);
  EXPECT_EQ(*ParseDouble("1e-3"), 0.001);
  EXPECT_EQ(*ParseBool("true"), true);
  EXPECT_FALSE(ParseInt("12x").ok());
  EXPECT_FALSE(ParseInt("1.0").ok());
  EXPECT_FALSE(ParseDouble("nan").ok());
  EXPECT_FALSE(ParseDouble("1,5").ok());
  EXPECT_FALSE(ParseBool("yes").ok());
}

}  // namespace
}  // namespace quantum::config
