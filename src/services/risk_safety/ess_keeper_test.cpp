#include "services/risk_safety/ess_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Execution, disk and Postgres as they behave towards the keeper: they answer late, are away, remember.
class FakeWorld final : public EssPorts {
 public:
  Result<std::optional<std::string>> ReadKept() override { return file; }
  Status Keep(const std::string& text) override {
    file = text;
    return {};
  }
  Result<ExecutionHalt> AskExecution() override {
    if (execution_away) {
      return Error{Errc::kUnavailable, "away"};
    }
    return halt;
  }
  Status TellExecution(EssOrder order) override {
    last = order;
    ++telling;
    telling_max = std::max(telling_max, telling);
    if (hold_tell) {
      hold_tell->Wait();
    }
    --telling;
    if (execution_away) {
      return Error{Errc::kUnavailable, "away"};
    }
    told.push_back((order.halt ? "halt by " : "rearm by ") + order.by);
    if (!order.halt && halt.by_operator && order.by == "ess") {
      return Error{Errc::kConflict, "HALTED_BY_OPERATOR"};
    }
    if (!halt.halted || !order.halt) {
      halt = {.halted = order.halt, .reason = order.reason, .since = clock.Now()};
    }
    return {};
  }
  Status LeaveHalt(const EssOrder& order) override {
    left.push_back(order);
    return {};
  }
  Result<std::optional<EssRecord>> LoadStored() override {
    if (postgres_away) {
      return Error{Errc::kUnavailable, "away"};
    }
    return history.empty() ? std::optional<EssRecord>() : std::optional(history.rbegin()->second.record);
  }
  Status Save(EssMove move) override {
    if (hold_save) {
      hold_save->Wait();
    }
    if (postgres_away) {
      return Error{Errc::kUnavailable, "away"};
    }
    const auto found = history.find(move.record.version);
    if (found != history.end()) {
      return found->second.record == move.record ? Status() : Status(Error{Errc::kConflict, "another record"});
    }
    if (!history.empty() && history.rbegin()->first > move.record.version) {
      return Error{Errc::kConflict, "a newer state"};
    }
    history[move.record.version] = move;
    return {};
  }
  std::vector<std::string> States() const {
    std::vector<std::string> states;
    for (const auto& [version, move] : history) {
      states.emplace_back(ToString(move.record.state));
    }
    return states;
  }

  ManualClock clock;
  std::optional<std::string> file;
  ExecutionHalt halt;
  bool execution_away = false;
  bool postgres_away = false;
  fiber::Event* hold_tell = nullptr;
  fiber::Event* hold_save = nullptr;
  int telling = 0;
  int telling_max = 0;
  std::vector<std::string> told;
  EssOrder last;
  std::vector<EssOrder> left;  // halts on the disk, for execution to find
  std::map<int64_t, EssMove> history;
};

class EssKeeperTest : public testing::Test {
 protected:
  static void InFiber(const std::function<void(fiber::Loop&)>& body) {
    fiber::Loop loop("test");
    loop.Spawn([&] {
      body(loop);
      loop.Stop();
    });
    loop.Run();
  }
  static void Settle() {  // lets every other fiber run as far as it can
    for (int i = 0; i < 20; ++i) {
      fiber::YieldNow();
    }
  }
  static Judgement Holds(const char* what) { return {.holds = what, .complete = true}; }
  static Judgement Nothing() { return {.complete = true}; }
  EssState State() const { return keeper_.stop().record().state; }

  FakeWorld world_;
  EssKeeper::Options options_;
  EssKeeper keeper_{world_, world_.clock, options_};
};

TEST_F(EssKeeperTest, ATripActsFirstAndIsRecordedWithWhatItWasJudgedOn) {
  InFiber([&](fiber::Loop&) {
    Judgement judgement = Holds("OPEN_LOSS: a");
    judgement.metrics.execution_errors = 3;
    keeper_.Tick(judgement);
    EXPECT_THAT(world_.told, ElementsAre("halt by ess"));
    EXPECT_TRUE(world_.file.has_value());
    EXPECT_FALSE(keeper_.recorded());
    keeper_.RecordOwed();
    ASSERT_TRUE(keeper_.recorded());
    EXPECT_EQ(world_.history.at(1).metrics.execution_errors, 3);
    EXPECT_EQ(world_.history.at(1).from, EssState::kArmed);
  });
}

TEST_F(EssKeeperTest, AConditionThatReturnsWhileCoolingDownTripsAgain) {
  InFiber([&](fiber::Loop&) {
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    keeper_.Tick(Nothing());
    ASSERT_EQ(State(), EssState::kCoolingDown);
    world_.clock.Advance(16min);
    keeper_.Tick(Holds("OPEN_LOSS: b"));
    EXPECT_EQ(State(), EssState::kTripped);
    keeper_.Tick(Nothing());
    world_.clock.Advance(14min);
    keeper_.Tick(Nothing());
    EXPECT_EQ(State(), EssState::kCoolingDown);
    world_.clock.Advance(1min);
    keeper_.Tick(Nothing());
    EXPECT_EQ(State(), EssState::kArmed);
  });
}

TEST_F(EssKeeperTest, NothingMovesOnWhileItIsNotKnownWhetherAConditionHolds) {
  InFiber([&](fiber::Loop&) {
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    keeper_.Tick({.complete = false});
    EXPECT_EQ(State(), EssState::kTripped);
  });
}

TEST_F(EssKeeperTest, ANewerHaltIsNeverOvertakenByAnOlderRearm) {
  InFiber([&](fiber::Loop& loop) {
    ASSERT_TRUE(keeper_.Trip("MANUAL: a", "ann", true).ok());
    fiber::Event answer;
    world_.hold_tell = &answer;
    loop.Spawn([&] { EXPECT_TRUE(keeper_.Reset("RESET: b", "ann").ok()); });
    Settle();
    ASSERT_EQ(world_.telling, 1);  // the re-arm is under way
    loop.Spawn([&] { EXPECT_TRUE(keeper_.Trip("MANUAL: c", "ann", true).ok()); });
    Settle();
    EXPECT_EQ(State(), EssState::kTripped);
    answer.Set();
    Settle();
    EXPECT_EQ(world_.telling_max, 1);
    EXPECT_THAT(world_.told, ElementsAre("halt by ess", "rearm by operator", "halt by ess"));
    EXPECT_TRUE(world_.halt.halted);
  });
}

TEST_F(EssKeeperTest, EveryChangeReachesTheHistoryHoweverLongPostgresWasAway) {
  InFiber([&](fiber::Loop&) {
    world_.postgres_away = true;
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    keeper_.Tick(Nothing());
    world_.clock.Advance(15min);
    keeper_.Tick(Nothing());
    keeper_.RecordOwed();
    ASSERT_TRUE(world_.history.empty());
    world_.postgres_away = false;
    keeper_.RecordOwed();
    EXPECT_THAT(world_.States(), ElementsAre("TRIPPED", "COOLING_DOWN", "ARMED"));
    EXPECT_TRUE(keeper_.recorded());
  });
}

TEST_F(EssKeeperTest, AChangeDuringASaveIsSavedAfterItAndTheSavedRecordIsTheOneOfThen) {
  InFiber([&](fiber::Loop& loop) {
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    fiber::Event answer;
    world_.hold_save = &answer;
    loop.Spawn([&] { keeper_.RecordOwed(); });
    Settle();
    ASSERT_TRUE(keeper_.Reset("RESET: b", "ann").ok());
    loop.Spawn([&] { keeper_.RecordOwed(); });
    Settle();
    answer.Set();
    Settle();
    EXPECT_THAT(world_.States(), ElementsAre("TRIPPED", "ARMED"));
    EXPECT_EQ(world_.history.at(1).record.reason, "OPEN_LOSS: a");
    EXPECT_TRUE(keeper_.recorded());
  });
}

TEST_F(EssKeeperTest, WhatPostgresStillOwesSurvivesARestart) {
  InFiber([&](fiber::Loop&) {
    world_.postgres_away = true;
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    keeper_.Tick(Nothing());
    EssKeeper again(world_, world_.clock, options_);
    ASSERT_TRUE(again.Restore().ok());
    EXPECT_EQ(again.stop().record().state, EssState::kCoolingDown);
    world_.postgres_away = false;
    again.RecordOwed();
    EXPECT_THAT(world_.States(), ElementsAre("TRIPPED", "COOLING_DOWN"));
    EXPECT_TRUE(again.recorded());
  });
}

TEST_F(EssKeeperTest, ADamagedFileStaysATripThroughPostgresAbsenceAndRestarts) {
  InFiber([&](fiber::Loop&) {
    world_.history[7] = {.record = {.state = EssState::kArmed, .version = 7}};
    world_.file = "{";
    world_.postgres_away = true;
    ASSERT_TRUE(keeper_.Restore().ok());
    EXPECT_EQ(State(), EssState::kTripped);
    world_.postgres_away = false;
    keeper_.RecordOwed();
    EXPECT_EQ(world_.history.rbegin()->first, 8);
    EssKeeper again(world_, world_.clock, options_);
    ASSERT_TRUE(again.Restore().ok());
    EXPECT_EQ(again.stop().record().state, EssState::kTripped);
    EXPECT_TRUE(again.stop().record().by_hand);
  });
}

TEST_F(EssKeeperTest, ARearmOwedSurvivesARestartAndIsSentUntilExecutionAgrees) {
  InFiber([&](fiber::Loop&) {
    ASSERT_TRUE(keeper_.Trip("MANUAL: a", "ann", true).ok());
    world_.halt.by_operator = true;  // `quantum halt` did both
    world_.clock.Advance(1s);
    world_.execution_away = true;
    ASSERT_TRUE(keeper_.Reset("RESET: b", "ann").ok());
    EssKeeper again(world_, world_.clock, options_);
    ASSERT_TRUE(again.Restore().ok());
    again.Agree();
    EXPECT_FALSE(again.agreed());
    world_.execution_away = false;
    again.Agree();
    EXPECT_FALSE(world_.halt.halted);
    EXPECT_EQ(world_.told.back(), "rearm by operator");
    EXPECT_EQ(again.stop().record().state, EssState::kArmed);
  });
}

TEST_F(EssKeeperTest, AHaltByHandAtExecutionIsAdoptedAndOnlyAPersonLiftsIt) {
  InFiber([&](fiber::Loop&) {
    world_.halt = {.halted = true, .by_operator = true, .reason = "drill", .since = world_.clock.Now()};
    keeper_.Agree();
    EXPECT_EQ(State(), EssState::kTripped);
    EXPECT_TRUE(keeper_.stop().record().by_hand);
    EXPECT_EQ(keeper_.stop().record().reason, "MANUAL: halted at execution: drill");
    EXPECT_TRUE(world_.told.empty());
    world_.clock.Advance(1h);
    keeper_.Tick(Nothing());
    keeper_.Agree();
    EXPECT_TRUE(world_.halt.halted);
    ASSERT_TRUE(keeper_.Reset("RESET: over", "ann").ok());
    EXPECT_FALSE(world_.halt.halted);
    keeper_.Agree();
    EXPECT_EQ(State(), EssState::kArmed);
  });
}

TEST_F(EssKeeperTest, AnAutomaticRearmNeverLiftsAHaltByHand) {
  InFiber([&](fiber::Loop&) {
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    keeper_.Tick(Nothing());
    world_.halt.by_operator = true;
    world_.clock.Advance(1h);
    keeper_.Tick(Nothing());  // cooled down: re-arms, and execution refuses
    keeper_.Agree();
    EXPECT_TRUE(world_.halt.halted);
    EXPECT_EQ(State(), EssState::kTripped);
    EXPECT_TRUE(keeper_.stop().record().by_hand);
  });
}

TEST_F(EssKeeperTest, AHaltThatExecutionMissedIsSentAgain) {
  InFiber([&](fiber::Loop&) {
    world_.execution_away = true;
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    EXPECT_FALSE(world_.halt.halted);
    world_.execution_away = false;
    keeper_.Agree();
    EXPECT_TRUE(world_.halt.halted);
    EXPECT_TRUE(keeper_.agreed());
  });
}

TEST_F(EssKeeperTest, AHaltThatExecutionCouldNotBeToldIsLeftForItsNextLife) {
  InFiber([&](fiber::Loop&) {
    world_.execution_away = true;
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    ASSERT_EQ(world_.left.size(), 1u);
    EXPECT_TRUE(world_.left[0].halt);
    EXPECT_EQ(world_.left[0].by, "ess");
    EXPECT_EQ(world_.left[0].reason, "OPEN_LOSS: a");
    EXPECT_EQ(world_.left[0].since, keeper_.stop().record().since);
    world_.clock.Advance(1s);
    ASSERT_TRUE(keeper_.Reset("RESET: b", "ann").ok());
    EXPECT_EQ(world_.left.size(), 1u) << "a re-arm is owed, never left";
  });
}

TEST_F(EssKeeperTest, APersonsTripThatIsOnlyKnownToExecutionStaysAPersons) {
  InFiber([&](fiber::Loop&) {
    world_.halt = {.halted = true, .reason = "MANUAL: drill", .since = world_.clock.Now() + 1s};
    keeper_.Agree();  // the record of the trip is lost, and execution was told in our name
    EXPECT_EQ(State(), EssState::kTripped);
    EXPECT_TRUE(keeper_.stop().record().by_hand);
    EXPECT_EQ(keeper_.stop().record().reason, "MANUAL: drill");
    world_.clock.Advance(1h);
    keeper_.Tick(Nothing());
    world_.clock.Advance(1h);
    keeper_.Tick(Nothing());
    EXPECT_EQ(State(), EssState::kTripped);
  });
}

TEST_F(EssKeeperTest, ExecutionIsToldTheTimeOfWhatItIsTold) {
  InFiber([&](fiber::Loop&) {
    keeper_.Tick(Holds("OPEN_LOSS: a"));
    EXPECT_EQ(world_.last.since, keeper_.stop().record().since);
    world_.clock.Advance(1s);
    ASSERT_TRUE(keeper_.Reset("RESET: b", "ann").ok());
    EXPECT_FALSE(world_.last.halt);
    EXPECT_EQ(world_.last.since, world_.clock.Now());
  });
}

TEST_F(EssKeeperTest, WithoutFileAndPostgresItDoesNotStart) {
  InFiber([&](fiber::Loop&) {
    world_.postgres_away = true;
    EXPECT_EQ(keeper_.Restore().error().code, Errc::kUnavailable);
  });
}

}  // namespace
}  // namespace quantum::risk_safety
