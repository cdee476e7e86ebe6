// Halts: what is cancelled, what stays, and what survives a restart, against a venue that misbehaves on command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "services/execution/pains.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using trading::OrderStatus;
using Answer = ScriptedVenue::Answer;

TEST_F(Pains, Pain10AHaltCancelsEntriesKeepsProtectionAndSurvivesARestart) {
  Run([](World& world) {
    world.Enter("filled");
    world.protector.Pass("BTCUSDT");
    world.venue.fill_market_orders = false;
    world.Enter("resting");
    const auto report = world.emergency.Halt("test", false, trading::kHaltedByOperator);
    EXPECT_EQ(report.cancelled, 1);
    EXPECT_TRUE(report.problems.empty());
    EXPECT_EQ(world.Leg("resting", Leg::kEntry).status, OrderStatus::kCanceled);
    EXPECT_EQ(world.venue.CountOpen(true), 2);
    EXPECT_EQ(RefusedBy(world.desk.GatesFor("BTCUSDT"), LastingApproval().decision)->code, "HALTED");
  });
  Run([](World& world) {
    world.desk.halt.Look(kNow);
    ASSERT_TRUE(world.desk.halt.record());
    EXPECT_EQ(world.desk.halt.record()->reason, "test");
    ASSERT_TRUE(world.emergency.Rearm("over", trading::kHaltedByOperator).ok());
  });
  Run([](World& world) {
    world.desk.halt.Look(kNow);
    EXPECT_FALSE(world.desk.halt.record());
  });
}

TEST_F(Pains, Pain10AHaltWithCloseEndsFlatWithoutStops) {
  Run([](World& world) {
    world.Enter("a");
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.emergency.Halt("test", true, trading::kHaltedByOperator).closed, 1);
    EXPECT_TRUE(world.venue.positions["BTCUSDT"].is_zero());
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->close_reason, "EMERGENCY");
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.CountOpen(true), 0);
    EXPECT_EQ(world.emergency.Halt("again", true, trading::kHaltedByOperator).closed, 0);
  });
}

TEST_F(Pains, AHaltWithCloseLeavesNothingOfEntriesThatCancelledEachOtherOut) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.Enter("long");
    world.Enter("short", Side::kSell);
    for (const char* trade : {"long", "short"}) {
      exchange::VenueOrder& entry = world.venue.orders.at(world.Leg(trade, Leg::kEntry).client_order_id);
      world.venue.Fill(entry, entry.quantity);
    }
    world.protector.Pass("BTCUSDT");
    world.emergency.Halt("test", true, trading::kHaltedByOperator);
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.CountOpen(true), 0);
    EXPECT_TRUE(world.desk.ledger.ActiveTrades().empty());
  });
}

TEST_F(Pains, AHaltPutOnTheDiskByHandHoldsForTheVeryNextEntry) {
  Run([this](World& world) {
    ASSERT_FALSE(RefusedBy(world.desk.GatesFor("BTCUSDT"), LastingApproval().decision));
    std::system(("mkdir -p " + directory_ + "/run").c_str());
    std::ofstream(directory_ + "/run/halt.json") << R"({"reason": "by hand", "close": false})";
    const auto refusal = RefusedBy(world.desk.GatesFor("BTCUSDT"), LastingApproval().decision);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->code, "HALTED");
    EXPECT_EQ(world.desk.halt.record()->by, "operator") << "a file that names no owner is the operator's";
  });
}

TEST_F(Pains, Pain10TheEmergencyStopDoesNotLiftTheOperatorsHalt) {
  Run([](World& world) {
    world.emergency.Halt("drawdown", false, trading::kHaltedByEss);
    EXPECT_EQ(world.desk.halt.record()->by, "ess");
    world.emergency.Halt("by hand", false, trading::kHaltedByOperator);
    world.emergency.Halt("drawdown again", false, trading::kHaltedByEss);
    EXPECT_EQ(world.desk.halt.record()->by, "operator");
    EXPECT_EQ(world.desk.halt.record()->reason, "by hand");
    const Status rearmed = world.emergency.Rearm("cooled down", trading::kHaltedByEss);
    ASSERT_FALSE(rearmed.ok());
    EXPECT_EQ(rearmed.error().code, Errc::kConflict);
  });
  Run([](World& world) {
    world.desk.halt.Look(kNow);
    ASSERT_TRUE(world.desk.halt.record()) << "the owner is on the disk as well";
    EXPECT_FALSE(world.emergency.Rearm("cooled down", trading::kHaltedByEss).ok());
    EXPECT_TRUE(world.emergency.Rearm("checked", trading::kHaltedByOperator).ok());
    world.emergency.Halt("drawdown", false, trading::kHaltedByEss);
    EXPECT_TRUE(world.emergency.Rearm("cooled down", trading::kHaltedByEss).ok()) << "its own it may lift";
    EXPECT_FALSE(world.desk.halt.record());
  });
}

TEST_F(Pains, AHaltTellsWhatItCouldNotCancel) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.Enter("resting");
    world.venue.refuse_cancels = Error{Errc::kUnavailable, "-1008 the server is overloaded"};
    const auto refused = world.emergency.Halt("test", false, trading::kHaltedByOperator);
    EXPECT_EQ(refused.cancelled, 0);
    ASSERT_EQ(refused.problems.size(), 1u);
    EXPECT_NE(refused.problems[0].find("-1008"), std::string::npos) << refused.problems[0];
    world.venue.refuse_cancels.reset();
    // Asked a moment ago, so that it is passed over at first: it is waited for, not counted as done.
    ASSERT_TRUE(world.sender.IsBusy(world.Leg("resting", Leg::kEntry).client_order_id));
    const auto cancelled = world.emergency.CancelEntries();
    EXPECT_EQ(cancelled.cancelled, 1);
    EXPECT_TRUE(cancelled.problems.empty());
    EXPECT_EQ(world.Leg("resting", Leg::kEntry).status, OrderStatus::kCanceled);
  });
}

TEST_F(Pains, AHaltCancelsAnEntryWhoseOutcomeIsUnknown) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.venue.next_place = {Answer::kActThenUnknown};
    world.venue.on_event = nullptr;
    world.venue.down = true;  // and it is not asked about meanwhile
    world.Enter("unknown");
    ASSERT_EQ(world.Leg("unknown", Leg::kEntry).status, OrderStatus::kUnknown);
    world.emergency.Halt("test", false, trading::kHaltedByOperator);
    EXPECT_THAT(world.venue.cancelled, ::testing::Contains(world.Leg("unknown", Leg::kEntry).client_order_id));
  });
}

TEST_F(Pains, Pain4AHaltsCloseOrderIsNotSentAgainByTheNextProcess) {
  ScriptedVenue before;
  Run([&](World& world) {
    world.Enter("a");
    world.venue.fill_market_orders = false;
    EXPECT_EQ(world.emergency.Halt("test", true, trading::kHaltedByOperator).closed, 1);
    before.orders = world.venue.orders;
    before.positions = world.venue.positions;
  });
  Run([&](World& world) {  // the process died before the close was recorded
    world.venue.orders = before.orders;
    world.venue.positions = before.positions;
    world.venue.fill_market_orders = false;
    fiber::SleepFor(5ms);
    world.desk.halt.Look(world.desk.Now());
    EXPECT_EQ(world.emergency.ClosePositions().closed, 0);
    EXPECT_TRUE(world.venue.placed.empty());
  });
}

TEST_F(Pains, BeforeTheRecordsAreReadAHaltCancelsWhatTheVenueListsAsOurEntries) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    const auto rest = [&](const std::string& id, bool reduce_only) {
      world.venue.Place({.client_order_id = id,
                         .symbol = "BTCUSDT",
                         .side = Side::kBuy,
                         .type = trading::OrderType::kLimit,
                         .quantity = "0.01"_dec,
                         .price = "50000"_dec,
                         .reduce_only = reduce_only});
    };
    rest("qt-entry", false);
    rest("qt-close", true);
    rest("theirs", false);
    world.venue.positions["BTCUSDT"] = "0.01"_dec;
    world.venue.placed.clear();
    world.desk.restored = false;
    const auto report = world.emergency.Halt("test", true, trading::kHaltedByOperator);
    EXPECT_EQ(world.venue.cancelled, std::vector<std::string>{"qt-entry"});
    EXPECT_EQ(report.cancelled, 1);
    EXPECT_EQ(report.problems.size(), 2u) << "what cannot be done yet is told: records, and the close";
    EXPECT_TRUE(world.venue.placed.empty()) << "an empty ledger does not know what is being closed";
  });
}

TEST_F(Pains, AHaltFoundOnTheDiskIsEnforcedBeforeTheRecordsAreRead) {
  Run([this](World& world) {
    world.venue.fill_market_orders = false;
    world.venue.Place({.client_order_id = "qt-of-an-earlier-life",
                       .symbol = "BTCUSDT",
                       .type = trading::OrderType::kLimit,
                       .quantity = "0.01"_dec,
                       .price = "50000"_dec});
    world.desk.restored = false;
    ASSERT_TRUE(
        trading::WriteHaltIfAbsent(directory_ + "/run/halt.json",
                                   {.reason = "drawdown", .since = kNow, .by = std::string(trading::kHaltedByEss)})
            .ok());
    world.emergency.Enforce();
    EXPECT_EQ(world.venue.CountOpen(false), 0);
  });
}

TEST_F(Pains, ARearmWhileAHaltsCloseIsPreparedEndsIt) {
  Run([](World& world) {
    world.Enter("a");
    world.venue.on_find = [&] {
      world.venue.on_find = nullptr;
      ASSERT_TRUE(world.emergency.Rearm("over", trading::kHaltedByOperator).ok());
    };
    world.venue.placed.clear();
    EXPECT_EQ(world.emergency.Halt("test", true, trading::kHaltedByOperator).closed, 0);
    EXPECT_TRUE(world.venue.placed.empty());
  });
}

TEST_F(Pains, AnUnreadableHaltFileHalts) {
  Run([this](World& world) {
    std::system(("mkdir -p " + directory_ + "/run && echo '{' > " + directory_ + "/run/halt.json").c_str());
    world.desk.halt.Look(kNow);
    EXPECT_TRUE(world.desk.halt.record());
  });
}

}  // namespace
}  // namespace quantum::execution
