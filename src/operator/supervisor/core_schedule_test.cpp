#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "operator/supervisor/core_harness.h"

namespace quantum::operate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::Unit Every(config::Unit unit, Duration interval) {
  unit = Task(std::move(unit));
  unit.schedule = {.kind = config::Schedule::Kind::kEvery, .interval = interval, .text = "every …"};
  return unit;
}

// It ran just now, so that the next time is an interval away.
void HasJustRun(Harness& harness, const std::string& task) {
  harness.core.SetLastRun(task, {.started = harness.clock.Now(), .ended = harness.clock.Now(), .ok = true});
}

TEST(SupervisorSchedule, ATaskThatNeverRanRunsOnceEverythingIsReady) {
  Harness harness({MakeUnit("a"), Every(MakeUnit("tidy"), minutes(10))});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
  EXPECT_THAT(harness.StepAfter(milliseconds(20)), ElementsAre("tidy"));
}

TEST(SupervisorSchedule, ATaskRunsWhenItsTimeHasComeAndIsNoPartOfTheStart) {
  Harness harness({MakeUnit("a"), Every(MakeUnit("tidy", {"a"}), minutes(10))});
  HasJustRun(harness, "tidy");
  harness.StartEverything();
  EXPECT_EQ(harness.StateOf("tidy"), State::kScheduled);
  ASSERT_TRUE(harness.core.Find("tidy").next_run);
  EXPECT_THAT(harness.StepAfter(minutes(9)), IsEmpty());
  EXPECT_THAT(harness.StepAfter(minutes(1)), ElementsAre("tidy"));
  EXPECT_FALSE(harness.core.all_ready()) << "it runs";
  harness.clock.Advance(seconds(5));
  harness.core.Exited("tidy", 0);
  const UnitStatus& tidy = harness.core.Find("tidy");
  EXPECT_EQ(tidy.state, State::kScheduled);
  ASSERT_TRUE(tidy.last_run);
  EXPECT_TRUE(tidy.last_run->ok);
  EXPECT_EQ(tidy.last_run->ended - tidy.last_run->started, seconds(5));
  EXPECT_EQ(*tidy.next_run, tidy.last_run->started + minutes(10));
}

TEST(SupervisorSchedule, ARunThatFailsIsRecordedAndWaitsForTheNextTime) {
  Harness harness({Every(MakeUnit("tidy"), minutes(10))});
  HasJustRun(harness, "tidy");
  harness.core.StartAll();
  harness.Step();
  harness.StepAfter(minutes(10));
  harness.core.Exited("tidy", 4);
  EXPECT_THAT(harness.StepAfter(minutes(5)), IsEmpty());
  ASSERT_TRUE(harness.core.Find("tidy").last_run);
  EXPECT_FALSE(harness.core.Find("tidy").last_run->ok);
  EXPECT_EQ(harness.core.Find("tidy").last_run->detail, "exited with code 4");
  EXPECT_FALSE(harness.core.startup_failure());
  EXPECT_THAT(harness.StepAfter(minutes(5)), ElementsAre("tidy"));
}

TEST(SupervisorSchedule, ARunThatTakesTooLongIsEnded) {
  Harness harness({Every(MakeUnit("tidy"), minutes(10))});
  HasJustRun(harness, "tidy");
  harness.core.StartAll();
  harness.Step();
  harness.StepAfter(minutes(10));
  harness.StepAfter(seconds(30));
  EXPECT_THAT(harness.signals, ElementsAre(std::pair<std::string, int>("tidy", SIGTERM)));
  harness.core.Exited("tidy", 128 + SIGTERM);
  EXPECT_EQ(harness.StateOf("tidy"), State::kScheduled);
  EXPECT_THAT(harness.core.Find("tidy").last_run->detail, HasSubstr("did not finish within 30 s"));
}

TEST(SupervisorSchedule, AnOverdueTaskRunsOnceEverythingIsReady) {
  Harness harness({MakeUnit("a"), Every(MakeUnit("tidy"), minutes(10))});
  harness.core.SetLastRun("tidy", {.started = harness.clock.Now() - minutes(60), .ended = {}, .ok = true});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
  EXPECT_THAT(harness.StepAfter(milliseconds(20)), ElementsAre("tidy"));
}

TEST(SupervisorSchedule, TheOperatorMayRunATaskNowOrStopItsSchedule) {
  Harness harness({Every(MakeUnit("tidy"), minutes(10))});
  HasJustRun(harness, "tidy");
  harness.core.StartAll();
  harness.Step();
  ASSERT_TRUE(harness.core.Start("tidy").ok());
  EXPECT_THAT(harness.Step(), ElementsAre("tidy"));
  harness.core.Exited("tidy", 0);
  ASSERT_TRUE(harness.core.Stop("tidy").ok());
  EXPECT_THAT(harness.StepAfter(minutes(60)), IsEmpty());
}

}  // namespace
}  // namespace quantum::operate
