#include "trading/halt/halt_flag.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "platform/base/durable_file.h"

namespace quantum::trading {
namespace {

using namespace std::chrono_literals;

const WallTime kThen = FromUnixMs(1'723'161'256'299);
const std::string kOperator(kHaltedByOperator);
const std::string kEss(kHaltedByEss);

class HaltFlagTest : public ::testing::Test {
 protected:
  HaltFlagTest() {
    char name[] = "/tmp/halt-flag-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/run/halt.json";
  }
  ~HaltFlagTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

TEST_F(HaltFlagTest, AHaltThatRiskSafetyLeavesIsTheEmergencyStopsWithItsTimeAndWish) {
  ASSERT_TRUE(WriteHaltIfAbsent(path_, {.reason = "drawdown", .close = true, .since = kThen, .by = kEss}).ok());
  HaltFlag flag(path_);
  ASSERT_TRUE(flag.Look(kThen + 1h));
  ASSERT_TRUE(flag.record());
  EXPECT_EQ(flag.record()->by, kEss);
  EXPECT_EQ(flag.record()->reason, "drawdown");
  EXPECT_EQ(flag.record()->since, kThen);
  EXPECT_TRUE(flag.record()->close);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_ + "/run"), {}), 1) << "nothing else is left";
}

TEST_F(HaltFlagTest, AHaltThatStandsIsNotReplacedByOneThatIsLeft) {
  HaltFlag flag(path_);
  ASSERT_TRUE(flag.Set({.reason = "by hand", .since = kThen, .by = kOperator}, kThen).ok());
  ASSERT_TRUE(WriteHaltIfAbsent(path_, {.reason = "drawdown", .since = kThen + 1s, .by = kEss}).ok());
  EXPECT_NE(ReadFile(path_)->find("by hand"), std::string::npos);
  EXPECT_FALSE(flag.Look(kThen)) << "it is the file that was written here";
}

TEST_F(HaltFlagTest, ARearmThatLandsLateDoesNotLiftANewerHalt) {
  HaltFlag flag(path_);
  ASSERT_TRUE(flag.Set({.reason = "first", .since = kThen, .by = kEss}, kThen).ok());
  ASSERT_TRUE(flag.Set({.reason = "second", .since = kThen + 2s, .by = kEss}, kThen + 2s).ok());
  EXPECT_EQ(flag.record()->since, kThen) << "closing orders keep their names";
  const Status late = flag.Clear(kOperator, kThen + 3s, kThen + 1s);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Errc::kConflict);
  EXPECT_TRUE(flag.record());
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(flag.Clear(kEss, kThen + 3s, kThen + 2s + 500us).ok()) << "times travel in milliseconds";
  EXPECT_FALSE(flag.record());
}

TEST_F(HaltFlagTest, AHaltOfTheEmergencyStopBeneathTheOperatorsIsNotLiftedByAnOlderRearm) {
  HaltFlag flag(path_);
  ASSERT_TRUE(flag.Set({.reason = "by hand", .since = kThen, .by = kOperator}, kThen).ok());
  ASSERT_TRUE(flag.Set({.reason = "drawdown", .since = kThen + 2s, .by = kEss}, kThen + 2s).ok());
  EXPECT_FALSE(flag.Clear(kOperator, kThen + 3s, kThen + 1s).ok());
  EXPECT_TRUE(flag.Clear(kOperator, kThen + 3s).ok()) << "a person at execution itself";
}

TEST_F(HaltFlagTest, AHaltThatReplacesOursOnTheDiskIsRead) {
  HaltFlag flag(path_);
  ASSERT_TRUE(flag.Set({.reason = "drawdown", .since = kThen, .by = kEss}, kThen).ok());
  EXPECT_FALSE(flag.Look(kThen));
  ASSERT_TRUE(WriteFileDurably(path_, R"({"reason": "by hand", "by": "operator"})").ok());
  EXPECT_TRUE(flag.Look(kThen + 1s));
  EXPECT_EQ(flag.record()->by, kOperator);
}

}  // namespace
}  // namespace quantum::trading
