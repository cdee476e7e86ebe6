#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "operator/supervisor/core_harness.h"
#include "platform/base/exit_code.h"

namespace quantum::operate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SupervisorRestart, ACrashedUnitIsBackAfterHalfASecond) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  harness.core.Exited("a", 128 + SIGKILL);
  EXPECT_THAT(harness.StepAfter(milliseconds(499)), IsEmpty());
  EXPECT_EQ(harness.StateOf("a"), State::kBackoff);
  EXPECT_EQ(harness.core.Find("a").detail, "was killed by signal 9");
  EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("a"));
  EXPECT_EQ(harness.core.Find("a").restarts, 1);
}

TEST(SupervisorRestart, WaitsLongerEachTimeButNeverLongerThanEightSeconds) {
  config::Unit unit = MakeUnit("a");
  unit.restarts_max = 8;
  Harness harness({unit});
  harness.StartEverything();
  for (const auto expected : {500, 1000, 2000, 4000, 8000, 8000, 8000}) {
    harness.core.Exited("a", 1);
    EXPECT_THAT(harness.StepAfter(milliseconds(expected - 1)), IsEmpty()) << expected;
    EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("a")) << expected;
  }
}

TEST(SupervisorRestart, AUnitThatPositionsWaitForIsBackSooner) {
  config::Unit unit = MakeUnit("execution");
  unit.restarts_max = 8;
  unit.restart_delay_max = seconds(2);
  Harness harness({unit});
  harness.StartEverything();
  for (const auto expected : {500, 1000, 2000, 2000, 2000}) {
    harness.core.Exited("execution", 128 + SIGKILL);
    EXPECT_THAT(harness.StepAfter(milliseconds(expected - 1)), IsEmpty()) << expected;
    EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("execution")) << expected;
  }
}

TEST(SupervisorRestart, TheUnitsOwnDelayIsALowerBound) {
  config::Unit unit = MakeUnit("redis-1");
  unit.restart_delay = seconds(5);
  Harness harness({unit});
  harness.StartEverything();
  harness.core.Exited("redis-1", 128 + SIGKILL);
  EXPECT_THAT(harness.StepAfter(milliseconds(4999)), IsEmpty());
  EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("redis-1"));
}

TEST(SupervisorRestart, WhoseNameAnotherProcessHasTakenOverIsNotStartedAgainByItself) {
  config::Unit unit = MakeUnit("a");
  unit.kind = config::Unit::Kind::kService;
  Harness harness({unit});
  harness.StartEverything();
  harness.core.Exited("a", kExitTakenOver);
  EXPECT_EQ(harness.StateOf("a"), State::kFailed);
  EXPECT_THAT(harness.core.Find("a").detail, HasSubstr("./quantum start a"));
  EXPECT_THAT(harness.StepAfter(minutes(60)), IsEmpty());
  EXPECT_TRUE(harness.core.Start("a").ok());
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
}

// Crashes the unit as soon as it runs, until it is given up; returns how often it was started again.
int CrashUntilFailed(Harness& harness, const std::string& name) {
  int starts = 0;
  for (int i = 0; i < 100 && harness.StateOf(name) != State::kFailed; ++i) {
    if (harness.core.Find(name).pid != 0) {
      harness.core.Exited(name, 1);
      harness.Step();
    } else {
      starts += static_cast<int>(harness.StepAfter(seconds(1)).size());
    }
  }
  return starts;
}

TEST(SupervisorBurst, AfterFiveRestartsWithinTenMinutesAUnitHasFailedForGood) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  EXPECT_EQ(CrashUntilFailed(harness, "a"), 5);
  EXPECT_THAT(harness.core.Find("a").detail, HasSubstr("5 restarts within 10 min, given up"));
  EXPECT_THAT(harness.StepAfter(minutes(30)), IsEmpty());
}

TEST(SupervisorBurst, AUnitWithARetryIntervalIsTriedOncePerInterval) {
  config::Unit unit = MakeUnit("execution");
  unit.retry_interval = minutes(1);
  Harness harness({unit});
  harness.StartEverything();
  CrashUntilFailed(harness, "execution");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(harness.StepAfter(seconds(59)), IsEmpty());
    EXPECT_THAT(harness.StepAfter(seconds(1)), ElementsAre("execution"));
    harness.core.Exited("execution", 1);
    harness.Step();
    EXPECT_EQ(harness.StateOf("execution"), State::kFailed);
  }
}

TEST(SupervisorBurst, RestartsOlderThanTheWindowAreForgotten) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  for (int i = 0; i < 12; ++i) {
    harness.core.Exited("a", 1);
    harness.StepAfter(minutes(3));
    harness.StepAfter(seconds(1));
    ASSERT_NE(harness.StateOf("a"), State::kFailed) << i;
  }
}

TEST(SupervisorLiveness, ThreeFailedChecksInARowRestartAUnitAndTwoDoNot) {
  Harness harness({Live(MakeUnit("a"))});
  harness.StartEverything();
  harness.deaf = true;
  harness.StepAfter(seconds(30));
  harness.StepAfter(seconds(30));
  EXPECT_EQ(harness.StateOf("a"), State::kReady);
  harness.deaf = false;
  harness.StepAfter(seconds(30));
  harness.deaf = true;
  for (int i = 0; i < 3; ++i) {
    harness.StepAfter(seconds(30));
  }
  EXPECT_EQ(harness.StateOf("a"), State::kStopping);
  EXPECT_THAT(harness.core.Find("a").detail, HasSubstr("failed 3 liveness checks"));
}

TEST(SupervisorLiveness, AProcessThatIgnoresTheStopSignalIsKilledAtTheDeadline) {
  Harness harness({Live(MakeUnit("a"))});
  harness.StartEverything();
  harness.deaf = true;
  for (int i = 0; i < 3; ++i) {
    harness.StepAfter(seconds(30));
  }
  harness.StepAfter(seconds(10));
  EXPECT_THAT(harness.signals,
              ElementsAre(std::pair<std::string, int>("a", SIGTERM), std::pair<std::string, int>("a", SIGKILL)));
  harness.core.Exited("a", 128 + SIGKILL);
  EXPECT_THAT(harness.StepAfter(milliseconds(500)), ElementsAre("a"));
}

TEST(SupervisorLiveness, ADependencyThatIsAwayRestartsNothing) {
  Harness harness({MakeUnit("redis"), Live(MakeUnit("service", {"redis"}))});
  harness.StartEverything();
  harness.core.Exited("redis", 1);
  harness.Step();
  for (int i = 0; i < 5; ++i) {
    harness.StepAfter(seconds(30));
  }
  EXPECT_EQ(harness.core.Find("service").restarts, 0);
  EXPECT_EQ(harness.StateOf("service"), State::kReady);
}

TEST(SupervisorRestart, WaitsForAMissingDependencyTenSecondsAtMost) {
  config::Unit away = MakeUnit("redis");
  away.restart_delay = minutes(5);
  Harness harness({away, MakeUnit("service", {"redis"})});
  harness.StartEverything();
  harness.core.Exited("redis", 1);
  harness.core.Exited("service", 1);
  EXPECT_THAT(harness.StepAfter(milliseconds(500)), IsEmpty());
  EXPECT_EQ(harness.StateOf("service"), State::kWaiting);
  EXPECT_THAT(harness.StepAfter(milliseconds(9999)), IsEmpty());
  EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("service"));
}

TEST(SupervisorLate, WhoWaitsForADependencyAfterTheStartIsLeftAloneAsLongAsItIsAlive) {
  Harness harness({MakeUnit("redis"), Live(MakeUnit("service", {"redis"}))});
  harness.StartEverything();
  harness.answer_probes = false;
  harness.core.Exited("service", 1);
  harness.StepAfter(seconds(1));
  ASSERT_EQ(harness.StateOf("service"), State::kStarting);
  for (int i = 0; i < 600; ++i) {  // ten minutes: not ready, but alive
    harness.probes.clear();
    harness.StepAfter(seconds(1));
    for (const auto& [unit, liveness] : harness.probes) {
      harness.core.Probed(unit, liveness, liveness || unit == "redis", "waits for Redis");
    }
  }
  EXPECT_EQ(harness.StateOf("service"), State::kStarting);
  EXPECT_EQ(harness.core.Find("service").restarts, 1);
  EXPECT_TRUE(harness.core.IsLate("service"));
  EXPECT_THAT(harness.core.Find("service").detail, HasSubstr("alive, but not ready for more than 30 s"));
  EXPECT_THAT(harness.core.Find("service").detail, HasSubstr("waits for Redis"));
  harness.answer_probes = true;  // Redis is back
  harness.StepAfter(seconds(1));
  harness.core.Probed("service", false, true, "");
  EXPECT_EQ(harness.StateOf("service"), State::kReady);
}

TEST(SupervisorLate, WhoDoesNotAnswerLivenessEitherIsRestartedAfterThreeChecks) {
  Harness harness({Live(MakeUnit("a"))});
  harness.StartEverything();
  harness.deaf = true;
  harness.core.Exited("a", 1);
  harness.StepAfter(seconds(1));
  for (int i = 0; i < 31; ++i) {
    harness.StepAfter(seconds(1));
  }
  EXPECT_EQ(harness.StateOf("a"), State::kStarting) << "one check has failed";
  harness.StepAfter(seconds(30));
  harness.StepAfter(seconds(30));
  EXPECT_EQ(harness.StateOf("a"), State::kStopping);
  EXPECT_THAT(harness.core.Find("a").detail, HasSubstr("failed 3 liveness checks"));
}

TEST(SupervisorBurst, AFullDiskDoesNotCountAndIsTriedAgainEveryEightSeconds) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  harness.core.Exited("a", 1);
  for (int i = 0; i < 100; ++i) {
    harness.clock.Advance(seconds(8));
    for (const Action& action : harness.core.Advance()) {
      if (action.kind == Action::Kind::kSpawn) {
        harness.core.SpawnFailed("a", "the disk is full", false);
      }
    }
    ASSERT_NE(harness.StateOf("a"), State::kFailed) << i;
  }
  EXPECT_EQ(harness.core.Find("a").restarts, 1);
  EXPECT_THAT(harness.StepAfter(seconds(8)), ElementsAre("a"));
}

}  // namespace
}  // namespace quantum::operate
