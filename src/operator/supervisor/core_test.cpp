#include "operator/supervisor/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace quantum::operate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::Unit MakeUnit(const std::string& name, std::vector<std::string> depends = {}) {
  config::Unit unit;
  unit.name = name;
  unit.command = {"/bin/" + name};
  unit.depends = std::move(depends);
  unit.ready = {.kind = config::Probe::Kind::kTcp, .target = {}, .arguments = {}, .interval = milliseconds(100)};
  return unit;
}

config::Unit Live(config::Unit unit) {
  unit.live = {.kind = config::Probe::Kind::kHttp, .target = "/health/live", .arguments = {}, .interval = seconds(30)};
  return unit;
}

config::Unit Task(config::Unit unit) {
  unit.kind = config::Unit::Kind::kTask;
  unit.ready = {};
  return unit;
}

// A core whose processes start at once (pids counted up) and whose probes are answered by the test.
class Harness {
 public:
  explicit Harness(std::vector<config::Unit> units) : core(std::move(units), clock) {}

  // Performs what is due; returns what was spawned.
  std::vector<std::string> Step() {
    std::vector<std::string> spawned;
    for (bool acted = true; acted;) {
      const std::vector<Action> actions = core.Advance();
      acted = !actions.empty();
      for (const Action& action : actions) {
        if (action.kind == Action::Kind::kSpawn) {
          spawned.push_back(action.unit);
          core.Spawned(action.unit, ++last_pid);
        } else if (action.kind == Action::Kind::kSignal) {
          signals.emplace_back(action.unit, action.signal);
        } else if (action.kind == Action::Kind::kProbe) {
          probes.emplace_back(action.unit, action.liveness);
          if (answer_probes) {
            core.Probed(action.unit, action.liveness, !deaf, deaf ? "no answer" : "");
          }
        }
      }
    }
    return spawned;
  }

  std::vector<std::string> StepAfter(Duration time) {
    clock.Advance(time);
    return Step();
  }

  void StartEverything() {
    core.StartAll();
    for (int i = 0; i < 20; ++i) {
      StepAfter(milliseconds(50));
    }
    ASSERT_TRUE(core.all_ready());
    ASSERT_FALSE(core.starting_up());
  }

  State StateOf(const std::string& name) const { return core.Find(name).state; }

  ManualClock clock;
  SupervisorCore core;
  int last_pid = 100;
  bool answer_probes = true;
  bool deaf = false;
  std::vector<std::pair<std::string, int>> signals;
  std::vector<std::pair<std::string, bool>> probes;
};

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

TEST(SupervisorRestart, TheUnitsOwnDelayIsALowerBound) {
  config::Unit unit = MakeUnit("redis-1");
  unit.restart_delay = seconds(5);
  Harness harness({unit});
  harness.StartEverything();
  harness.core.Exited("redis-1", 128 + SIGKILL);
  EXPECT_THAT(harness.StepAfter(milliseconds(4999)), IsEmpty());
  EXPECT_THAT(harness.StepAfter(milliseconds(1)), ElementsAre("redis-1"));
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

config::Unit Every(config::Unit unit, Duration interval) {
  unit = Task(std::move(unit));
  unit.schedule = {.kind = config::Schedule::Kind::kEvery, .interval = interval, .text = "every …"};
  return unit;
}

TEST(SupervisorSchedule, ATaskRunsWhenItsTimeHasComeAndIsNoPartOfTheStart) {
  Harness harness({MakeUnit("a"), Every(MakeUnit("tidy", {"a"}), minutes(10))});
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
  harness.core.StartAll();
  harness.Step();
  ASSERT_TRUE(harness.core.Start("tidy").ok());
  EXPECT_THAT(harness.Step(), ElementsAre("tidy"));
  harness.core.Exited("tidy", 0);
  ASSERT_TRUE(harness.core.Stop("tidy").ok());
  EXPECT_THAT(harness.StepAfter(minutes(60)), IsEmpty());
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
