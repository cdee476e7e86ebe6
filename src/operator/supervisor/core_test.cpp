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

TEST(SupervisorStart, AUnitStartsOnlyWhenAllItDependsOnIsReady) {
  Harness harness({MakeUnit("c", {"a", "b"}), MakeUnit("a"), MakeUnit("b", {"a"})});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
  EXPECT_THAT(harness.StepAfter(milliseconds(20)), ElementsAre("b"));
  EXPECT_THAT(harness.StepAfter(milliseconds(20)), ElementsAre("c"));
  harness.StepAfter(milliseconds(20));
  EXPECT_TRUE(harness.core.all_ready());
}

TEST(SupervisorStart, UnitsThatDependOnNothingStartTogether) {
  Harness harness({MakeUnit("a"), MakeUnit("b"), MakeUnit("c")});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), ElementsAre("a", "b", "c"));
}

TEST(SupervisorStart, ATaskIsDoneWhenItExitsWithZeroAndWhatDependsOnItWaits) {
  Harness harness({Task(MakeUnit("init")), MakeUnit("server", {"init"})});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), ElementsAre("init"));
  EXPECT_THAT(harness.StepAfter(seconds(1)), IsEmpty());
  harness.core.Exited("init", 0);
  EXPECT_THAT(harness.Step(), ElementsAre("server"));
  EXPECT_EQ(harness.StateOf("init"), State::kDone);
}

TEST(SupervisorStart, TheFirstFailureEndsTheStartAndIsNotRetried) {
  Harness harness({MakeUnit("a"), MakeUnit("b", {"a"})});
  harness.answer_probes = false;
  harness.core.StartAll();
  harness.Step();
  harness.core.Exited("a", 3);
  harness.Step();
  ASSERT_TRUE(harness.core.startup_failure().has_value());
  EXPECT_EQ(harness.core.startup_failure()->unit, "a");
  EXPECT_EQ(harness.core.startup_failure()->what, "exited with code 3");
  EXPECT_EQ(harness.StateOf("a"), State::kFailed);
  EXPECT_THAT(harness.StepAfter(minutes(5)), IsEmpty());
}

TEST(SupervisorStart, TheFirstFailureStopsEverythingThatRuns) {
  Harness harness({MakeUnit("a"), MakeUnit("b", {"a"}), MakeUnit("c", {"b"})});
  harness.core.StartAll();
  harness.Step();
  harness.StepAfter(milliseconds(20));  // a is ready, b starts
  ASSERT_EQ(harness.StateOf("b"), State::kStarting);
  harness.core.Exited("b", 1);
  EXPECT_THAT(harness.Step(), IsEmpty());
  EXPECT_THAT(harness.signals, ElementsAre(std::pair<std::string, int>("a", SIGTERM)));
  EXPECT_FALSE(harness.core.all_stopped());
  harness.core.Exited("a", 0);
  harness.Step();
  EXPECT_TRUE(harness.core.all_stopped());
  EXPECT_EQ(harness.StateOf("a"), State::kStopped);
}

TEST(SupervisorStart, AUnitThatIsAboutToStartWhenAnotherFailsIsStoppedAsWell) {
  Harness harness({MakeUnit("a"), MakeUnit("b")});
  harness.core.StartAll();
  for (const Action& action : harness.core.Advance()) {  // both are to be spawned; the first one fails
    if (action.kind == Action::Kind::kSpawn && action.unit == "a") {
      harness.core.SpawnFailed("a", "is missing");
    } else if (action.kind == Action::Kind::kSpawn) {
      harness.core.Advance();
      harness.core.Spawned("b", 7);
    }
  }
  harness.Step();
  EXPECT_THAT(harness.signals, ElementsAre(std::pair<std::string, int>("b", SIGTERM)));
}

TEST(SupervisorStart, AUnitThatDoesNotBecomeReadyInTimeIsStoppedAndNamedWithTheProbesAnswer) {
  Harness harness({MakeUnit("a")});
  harness.deaf = true;
  harness.core.StartAll();
  harness.Step();
  harness.StepAfter(milliseconds(100));
  harness.StepAfter(seconds(30));
  ASSERT_TRUE(harness.core.startup_failure().has_value());
  EXPECT_EQ(harness.core.startup_failure()->unit, "a");
  EXPECT_EQ(harness.core.startup_failure()->what, "did not become ready within 30 s (no answer)");
  EXPECT_THAT(harness.signals, ElementsAre(std::pair<std::string, int>("a", SIGTERM)));
}

TEST(SupervisorStop, EverythingStopsInReverseOrderOfDependence) {
  Harness harness({MakeUnit("a"), MakeUnit("b", {"a"}), MakeUnit("c", {"b"})});
  harness.StartEverything();
  harness.core.StopAll();
  for (const std::string name : {"c", "b", "a"}) {
    harness.Step();
    ASSERT_FALSE(harness.signals.empty());
    EXPECT_EQ(harness.signals.back().first, name);
    harness.StepAfter(seconds(1));
    harness.core.Exited(name, 0);
  }
  harness.Step();
  EXPECT_TRUE(harness.core.all_stopped());
  EXPECT_EQ(harness.signals.size(), 3u);
}

TEST(SupervisorStop, TheOrderHoldsThroughTasksThatAreDone) {
  Harness harness({MakeUnit("postgres"), Task(MakeUnit("roles", {"postgres"})), MakeUnit("pgbouncer", {"roles"})});
  harness.core.StartAll();
  harness.Step();
  harness.StepAfter(milliseconds(50));
  harness.core.Exited("roles", 0);
  harness.Step();
  harness.StepAfter(milliseconds(50));
  ASSERT_TRUE(harness.core.all_ready());
  harness.core.StopAll();
  harness.Step();
  EXPECT_THAT(harness.signals, ElementsAre(std::pair<std::string, int>("pgbouncer", SIGTERM)));
}

TEST(SupervisorStop, AUnitStoppedByTheOperatorStaysDownAndCountsAsReadyForTheRest) {
  Harness harness({MakeUnit("a"), MakeUnit("b")});
  harness.StartEverything();
  ASSERT_TRUE(harness.core.Stop("a").ok());
  harness.Step();
  harness.core.Exited("a", 0);
  EXPECT_THAT(harness.StepAfter(minutes(5)), IsEmpty());
  EXPECT_EQ(harness.StateOf("a"), State::kStopped);
  ASSERT_TRUE(harness.core.Start("a").ok());
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
}

TEST(SupervisorStop, ARestartByTheOperatorIsNoCrash) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  ASSERT_TRUE(harness.core.Restart("a").ok());
  harness.Step();
  harness.core.Exited("a", 0);
  EXPECT_THAT(harness.Step(), ElementsAre("a"));
  EXPECT_EQ(harness.core.Find("a").restarts, 0);
}

TEST(SupervisorStop, AnUnknownUnitIsRefusedWithTheNamesThereAre) {
  Harness harness({MakeUnit("a"), MakeUnit("b")});
  EXPECT_THAT(harness.core.Stop("x").error().message, HasSubstr("no unit 'x'; the units are a, b"));
}

TEST(SupervisorStop, DuringBackOffNothingComesBack) {
  Harness harness({MakeUnit("a")});
  harness.StartEverything();
  harness.core.Exited("a", 1);
  harness.Step();
  harness.core.StopAll();
  EXPECT_THAT(harness.StepAfter(minutes(1)), IsEmpty());
  EXPECT_TRUE(harness.core.all_stopped());
}

TEST(SupervisorAdoption, AProcessThatStillRunsIsKeptAndNotStartedAgain) {
  Harness harness({MakeUnit("a"), MakeUnit("b", {"a"})});
  harness.core.Adopt("a", {.state = State::kReady, .pid = 42, .since = {}, .restarts = 2, .detail = {}});
  harness.core.Adopt("b", {.state = State::kReady, .pid = 43, .since = {}, .restarts = 0, .detail = {}});
  EXPECT_THAT(harness.StepAfter(minutes(1)), IsEmpty());
  EXPECT_EQ(harness.core.Find("a").pid, 42);
  EXPECT_EQ(harness.core.Find("a").restarts, 2);
  EXPECT_TRUE(harness.core.all_ready());
}

TEST(SupervisorAdoption, AProcessThatDiedMeanwhileIsStartedAgain) {
  Harness harness({MakeUnit("a")});
  harness.core.Adopt("a", {.state = State::kReady, .pid = 0, .since = {}, .restarts = 0, .detail = {}});
  EXPECT_THAT(harness.StepAfter(milliseconds(500)), ElementsAre("a"));
}

TEST(SupervisorAdoption, WhoWaitedOrWasInBackOffDoesNotWaitForEver) {
  for (const State state : {State::kWaiting, State::kBackoff}) {
    config::Unit away = MakeUnit("redis");
    Harness harness({away, MakeUnit("service", {"redis"})});
    harness.core.Adopt("redis", {.state = State::kFailed, .pid = 0, .since = {}, .restarts = 5, .detail = "given up"});
    harness.core.Adopt("service", {.state = state, .pid = 0, .since = {}, .restarts = 1, .detail = {}});
    EXPECT_THAT(harness.StepAfter(milliseconds(9999)), IsEmpty());
    EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("service"));
    EXPECT_EQ(harness.StateOf("redis"), State::kFailed);
  }
}

TEST(SupervisorAdoption, ATaskWhoseResultIsNotKnownRunsAgain) {
  Harness harness({Task(MakeUnit("init")), MakeUnit("b", {"init"})});
  harness.core.Adopt("init", {.state = State::kStarting, .pid = 42, .since = {}, .restarts = 0, .detail = {}});
  harness.core.StartAll();
  EXPECT_THAT(harness.Step(), IsEmpty());
  harness.core.Exited("init", -1);
  EXPECT_THAT(harness.Step(), ElementsAre("init"));
  EXPECT_FALSE(harness.core.startup_failure());
}

TEST(SupervisorAdoption, AFailedUnitWithARetryIntervalIsTriedAgain) {
  config::Unit unit = MakeUnit("redis");
  unit.retry_interval = minutes(1);
  Harness harness({unit});
  harness.core.Adopt("redis", {.state = State::kFailed, .pid = 0, .since = {}, .restarts = 5, .detail = "given up"});
  EXPECT_THAT(harness.StepAfter(seconds(59)), IsEmpty());
  EXPECT_THAT(harness.StepAfter(seconds(1)), ElementsAre("redis"));
}

TEST(SupervisorAdoption, WhatWasDoneOrStoppedStaysSo) {
  Harness harness({Task(MakeUnit("init")), MakeUnit("b")});
  harness.core.Adopt("init", {.state = State::kDone, .pid = 0, .since = {}, .restarts = 0, .detail = {}});
  harness.core.Adopt("b", {.state = State::kStopped, .pid = 0, .since = {}, .restarts = 0, .detail = {}});
  EXPECT_THAT(harness.StepAfter(minutes(1)), IsEmpty());
}

}  // namespace
}  // namespace quantum::operate
