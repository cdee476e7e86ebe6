// The failures that must be impossible, recreated against a venue that misbehaves on command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "services/execution/pains.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using trading::OrderStatus;
using Answer = ScriptedVenue::Answer;

TEST_F(Pains, Pain1AReplayedCloseOfAFlatPositionDoesNotOpenOne) {
  Run([](World& world) {
    world.Enter("a");
    const Plan close = PlanOf(CloseApproval("close", Side::kSell, "0.01"));
    world.desk.ledger.Adopt(close);
    world.sender.Submit(close.orders.front().client_order_id);
    EXPECT_TRUE(world.venue.positions["BTCUSDT"].is_zero());
    const Plan replay = PlanOf(CloseApproval("replayed", Side::kSell, "0.01"));
    world.desk.ledger.Adopt(replay);
    world.sender.Submit(replay.orders.front().client_order_id);
    EXPECT_TRUE(world.venue.positions["BTCUSDT"].is_zero());
    for (const auto& request : world.venue.placed) {
      EXPECT_TRUE(request.reduce_only || request.client_order_id.ends_with("E"));
    }
  });
}

TEST_F(Pains, Pain2NothingIsFilledUntilTheExchangeSaysSo) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.Enter("a");
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kNew);
    EXPECT_TRUE(world.desk.ledger.PositionOf("BTCUSDT").is_flat());
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.placed.size(), 1u) << "no exits for a position that is not there";
  });
}

TEST_F(Pains, Pain3EveryFillIsFollowedByAStopAndFlatRemovesIt) {
  Run([](World& world) {
    world.Enter("a");
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.CountOpen(true), 2);
    EXPECT_TRUE(world.desk.ledger.OpenPositions().front().is_protected);
    world.venue.Trigger(world.Leg("a", Leg::kStopLoss).client_order_id);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->status, TradeStatus::kClosed);
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.CountOpen(true), 0) << "the take-profit is an orphan";
    EXPECT_TRUE(world.venue.positions["BTCUSDT"].is_zero());
  });
}

TEST_F(Pains, Pain3APositionWhoseStopTheVenueKeepsRefusingIsClosed) {
  Run([](World& world) {
    world.venue.judge = [](const exchange::NewOrder& order) {
      return trading::IsConditional(order.type) ? Answer::kReject : Answer::kNormal;
    };
    world.Enter("a");
    EXPECT_TRUE(Eventually([&] {
      world.protector.Pass("BTCUSDT");
      return world.venue.positions["BTCUSDT"].is_zero();
    }));
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->close_reason, "EMERGENCY");
  });
}

// While the venue answers no orders, the stop is missing for that alone: it goes first when the venue is back.
TEST_F(Pains, Pain3AnOutageOfTheExchangeClosesNothing) {
  Run([](World& world) {
    world.Enter("a");
    world.venue.reject_code = 0;
    world.venue.judge = [](const exchange::NewOrder&) { return Answer::kReject; };
    const WallTime begin = world.desk.Now();
    ASSERT_TRUE(Eventually([&] {
      world.protector.Pass("BTCUSDT");
      return world.desk.Now() - begin > 30s;
    }));
    EXPECT_GE(world.protector.worst().duration, 25s) << "it is told all the same";
    EXPECT_THAT(world.sink.events, ::testing::Not(::testing::Contains("order.failed")));
    world.venue.judge = nullptr;
    EXPECT_TRUE(Eventually([&] {
      world.protector.Pass("BTCUSDT");
      return world.desk.ledger.IsProtected("BTCUSDT");
    }));
    EXPECT_EQ(world.venue.positions["BTCUSDT"], "0.01"_dec) << "nothing was closed for the outage";
  });
}

TEST_F(Pains, Pain3ARefusedCloseIsNotRepeatedAtOnce) {
  Run([](World& world) {
    world.venue.judge = [](const exchange::NewOrder& order) {
      return order.reduce_only ? Answer::kReject : Answer::kNormal;
    };
    world.Enter("a");
    const WallTime begin = world.desk.Now();
    ASSERT_TRUE(Eventually([&] {
      world.protector.Pass("BTCUSDT");
      return world.desk.Now() - begin > 35s;
    }));
    const auto closes = std::ranges::count_if(world.venue.placed, [](const auto& order) {
      return order.type == trading::OrderType::kMarket && order.reduce_only;
    });
    EXPECT_GE(closes, 2);
    EXPECT_LE(closes, 6) << "in 20 s, after 1, 2, 4 and 8 s";
  });
}

// Our own budget, or a connection that cannot be had: nothing was sent, and nothing failed.
TEST_F(Pains, AnEntryThatCouldNotLeaveIsWithdrawnAndNoFailure) {
  Run([](World& world) {
    world.venue.reject_code = 0;
    world.venue.next_place = {Answer::kReject};
    world.Enter("a");
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kCanceled);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->status, TradeStatus::kCancelled);
    EXPECT_THAT(world.sink.events, ::testing::Contains("order.canceled"));
    EXPECT_THAT(world.sink.events, ::testing::Not(::testing::Contains("order.failed")));
  });
}

TEST_F(Pains, Pain3APositionFoundAtTheVenueGetsAStop) {
  Run([](World& world) {
    world.venue.positions["BTCUSDT"] = "-0.3"_dec;
    ASSERT_TRUE(world.reconciler.First().ok());
    world.protector.Pass("BTCUSDT");
    ASSERT_EQ(world.venue.placed.size(), 1u);
    EXPECT_EQ(world.venue.placed[0].quantity, "0.3"_dec);
    EXPECT_EQ(world.venue.placed[0].side, Side::kBuy);
    EXPECT_TRUE(world.venue.placed[0].reduce_only);
  });
}

// On the first start the account may have a past, which is nobody's trade here; its position is taken over.
TEST_F(Pains, APastThatIsNotOursIsNotBooked) {
  Run([](World& world) {
    {
      World earlier(world.desk.loop, world.desk.clock, "/nonexistent");  // of another platform
      earlier.Enter("theirs");
      world.venue.fills = earlier.venue.fills;
      world.venue.positions = earlier.venue.positions;
    }
    ASSERT_EQ(world.venue.fills.size(), 1u);
    ASSERT_TRUE(world.reconciler.First().ok());
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
    EXPECT_TRUE(world.desk.ledger.PositionOf("BTCUSDT").fees.is_zero()) << "an old fill was booked";
    EXPECT_EQ(world.desk.ledger.Cursor("BTCUSDT"), 1);
    world.protector.Pass("BTCUSDT");
    EXPECT_TRUE(world.desk.ledger.IsProtected("BTCUSDT"));
  });
}

TEST_F(Pains, Pain4ATimeoutDoesNotSendASecondOrder) {
  Run([](World& world) {
    world.venue.next_place = {Answer::kActThenUnknown};
    world.venue.on_event = nullptr;  // and nobody hears of the fill
    world.Enter("a");
    EXPECT_TRUE(Eventually([&] { return world.Leg("a", Leg::kEntry).status == OrderStatus::kFilled; }));
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.venue.placed.size(), 1u);
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->status, TradeStatus::kOpen);
    EXPECT_NE(std::ranges::find(world.sink.events, "order.unknown"), world.sink.events.end());
  });
}

TEST_F(Pains, Pain4AnOrderThatNeverArrivedIsProvenAbsentNotAssumed) {
  Run([](World& world) {
    world.venue.next_place = {Answer::kDropThenUnknown};
    world.Enter("a");
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kUnknown);
    const WallTime sent = world.desk.Now();
    EXPECT_TRUE(Eventually([&] { return world.Leg("a", Leg::kEntry).status == OrderStatus::kRejected; }));
    EXPECT_GE(world.desk.Now() - sent, 6s) << "recvWindow and a second must have passed on the venue's clock";
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->status, TradeStatus::kFailed);
    EXPECT_TRUE(world.venue.placed.empty());
  });
}

// By our own clock, which may be seconds behind the venue's, the order would be given up while it can still arrive.
TEST_F(Pains, Pain4NothingIsProvenAbsentWhileTheVenuesClockIsNotKnown) {
  Run([](World& world) {
    world.venue.offset = std::nullopt;
    world.venue.next_place = {Answer::kDropThenUnknown};
    world.Enter("a");
    const WallTime sent = world.desk.Now();
    EXPECT_TRUE(Eventually([&] { return world.desk.Now() - sent > 20s; }));
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kUnknown);
    world.venue.offset = 3s;
    const auto rejected = [&] { return world.Leg("a", Leg::kEntry).status == OrderStatus::kRejected; };
    EXPECT_TRUE(Eventually(rejected) || Eventually(rejected)) << "three questions, up to a second apart";
    EXPECT_GE(world.desk.Now() - sent, 26s) << "what is not known to be signed earlier counts from the first question";
  });
}

TEST_F(Pains, Pain4AbsenceIsProvenFromTheTimeThatTheRequestWasSignedFor) {
  Run([](World& world) {
    world.venue.signed_for = world.desk.Now() + 30s;  // our clock is half a minute behind the venue's, and says nothing
    world.venue.offset = 30s;
    world.venue.next_place = {Answer::kDropThenUnknown};
    world.Enter("a");
    const WallTime sent = world.desk.Now();
    world.venue.offset = 36s;  // the clock is measured anew: six of the seconds are over at the venue
    EXPECT_TRUE(Eventually([&] { return world.Leg("a", Leg::kEntry).status == OrderStatus::kRejected; }));
    EXPECT_LT(world.desk.Now() - sent, 26s) << "nothing waits for our clock";
  });
}

TEST_F(Pains, Pain4AFillOfAnUnknownOrderIsNotTakenForAStrangers) {
  Run([](World& world) {
    world.venue.next_place = {Answer::kActThenUnknown};
    world.venue.on_event = nullptr;
    world.Enter("a");
    ASSERT_TRUE(world.reconciler.Pass().ok());  // before the resolver has asked
    EXPECT_EQ(world.desk.ledger.ActiveTrades().size(), 1u);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->open_quantity(), "0.01"_dec);
  });
}

// The fill explains the difference as soon as its order can be asked about: repaired before, it would count twice.
TEST_F(Pains, Pain4APositionIsNotRepairedWhileAFillWaitsForAnUnknownOrder) {
  Run([](World& world) {
    world.venue.next_place = {Answer::kActThenUnknown};
    world.venue.on_event = nullptr;
    world.venue.down = true;
    world.Enter("a");
    for (int pass = 0; pass < 4; ++pass) {
      ASSERT_TRUE(world.reconciler.Pass().ok());
    }
    EXPECT_TRUE(world.desk.ledger.PositionOf("BTCUSDT").is_flat()) << "repaired, and the fill is still to come";
    world.venue.down = false;
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->open_quantity(), "0.01"_dec);
  });
}

TEST_F(Pains, FillsLostByTheStreamAreFetched) {
  Run([](World& world) {
    world.venue.on_event = nullptr;
    world.Enter("a");
    EXPECT_TRUE(world.desk.ledger.LacksFills("BTCUSDT"));
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, world.venue.positions["BTCUSDT"]);
    EXPECT_FALSE(world.desk.ledger.LacksFills("BTCUSDT"));
  });
}

// A question weighs five of 2,400 a minute, and a pass comes every ten seconds.
TEST_F(Pains, OfManySymbolsThoseAreAskedForFillsWhereSomeMayBeMissingAndTheOthersInTurn) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    std::set<std::string> all = {"BTCUSDT"};
    for (int i = 0; i < 40; ++i) {
      Approval approval = LastingApproval("a" + std::to_string(i));
      approval.decision.symbol = "S" + std::to_string(i) + "USDT";
      const Plan plan = PlanOf(approval);
      world.desk.ledger.Adopt(plan);
      world.sender.Submit(plan.orders.front().client_order_id);
      all.insert(approval.decision.symbol);
    }
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.venue.fills_asked, all) << "none of them was asked for ever before";

    world.venue.fills_asked.clear();
    world.venue.on_event = nullptr;
    world.venue.Fill(world.venue.orders.at(world.Leg("a17", Leg::kEntry).client_order_id), "0.004"_dec);
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_TRUE(world.venue.fills_asked.contains("S17USDT"));
    EXPECT_LT(world.venue.fills_asked.size(), 15u);
    EXPECT_EQ(world.desk.ledger.PositionOf("S17USDT").quantity, "0.004"_dec);

    for (int pass = 0; pass < 4; ++pass) {
      ASSERT_TRUE(world.reconciler.Pass().ok());
    }
    EXPECT_EQ(world.venue.fills_asked, all) << "fills of somebody else that cancel each other out are found";
  });
}

TEST_F(Pains, AStopThatFiredWhileNobodyListenedClosesItsTrade) {
  Run([](World& world) {
    world.Enter("a");
    world.protector.Pass("BTCUSDT");
    world.venue.on_event = nullptr;
    world.venue.Trigger(world.Leg("a", Leg::kStopLoss).client_order_id);
    fiber::SleepFor(2ms);
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->status, TradeStatus::kClosed);
    EXPECT_EQ(world.desk.ledger.FindTrade("a")->close_reason, "STOP_LOSS");
  });
}

TEST_F(Pains, AnOrderOfOursWithoutARecordIsCancelled) {
  Run([](World& world) {
    world.venue.Place({.client_order_id = "qt-orphanS",
                       .symbol = "BTCUSDT",
                       .type = trading::OrderType::kStopMarket,
                       .quantity = "1"_dec,
                       .trigger_price = "1"_dec,
                       .reduce_only = true});
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.venue.CountOpen(true), 0);
  });
}

// Killed after a stop went out for a part, and before that was recorded: the record says the whole.
TEST_F(Pains, Pain3AStopThatStandsForLessThanWasRecordedIsMadeGood) {
  Run([](World& world) {
    world.Enter("a");
    const std::string stop = world.Leg("a", trading::Leg::kStopLoss).client_order_id;
    world.protector.Pass("BTCUSDT");
    ASSERT_TRUE(world.desk.ledger.IsProtected("BTCUSDT"));
    world.venue.orders.at(stop).quantity = "0.004"_dec;
    fiber::SleepFor(10ms);
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_FALSE(world.desk.ledger.IsProtected("BTCUSDT"));
    world.protector.Pass("BTCUSDT");
    EXPECT_TRUE(std::ranges::any_of(world.venue.orders, [&](const auto& entry) {
      return entry.first != stop && entry.second.type == trading::OrderType::kStopMarket &&
             entry.second.quantity == "0.01"_dec && entry.second.report.status == OrderStatus::kNew;
    })) << "0.006 of the position has no stop";
  });
}

// Placed while Postgres was away, and then the process was killed: nothing else guards the position yet.
TEST_F(Pains, Pain3AStopWithoutARecordGoesOnlyOnceARecordedOneStands) {
  Run([](World& world) {
    world.Enter("a");
    ASSERT_FALSE(world.desk.ledger.PositionOf("BTCUSDT").is_flat());
    world.venue.Place({.client_order_id = "qt-orphanS",
                       .symbol = "BTCUSDT",
                       .side = Side::kSell,
                       .type = trading::OrderType::kStopMarket,
                       .quantity = "0.01"_dec,
                       .trigger_price = "1"_dec,
                       .reduce_only = true});
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.venue.CountOpen(true), 1);
    world.protector.Pass("BTCUSDT");
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_THAT(world.venue.cancelled, ::testing::Contains("qt-orphanS"));
  });
}

TEST_F(Pains, AnAnswerThatCannotBeTrueIsAskedAbout) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.venue.distort = [](trading::OrderReport& report) { report.filled_quantity = "5"_dec; };  // of 0.01
    world.Enter("a");
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kNew) << "the stream had told it";
    world.venue.distort = nullptr;
    world.venue.on_event = nullptr;
    world.venue.distort = [](trading::OrderReport& report) { report.filled_quantity = "5"_dec; };
    world.Enter("b");
    EXPECT_EQ(world.Leg("b", Leg::kEntry).status, OrderStatus::kUnknown) << "nothing is known of it";
    fiber::SleepFor(300ms);
    EXPECT_EQ(world.Leg("b", Leg::kEntry).status, OrderStatus::kUnknown) << "the same answer again says no more";
    world.venue.distort = nullptr;
    EXPECT_TRUE(Eventually([&] { return world.Leg("b", Leg::kEntry).status == OrderStatus::kNew; }));
  });
}

TEST_F(Pains, ATakeProfitThatTheVenueSpokeOfWhileTheStopWasPlacedIsLeftAlone) {
  Run([](World& world) {
    world.Enter("a");
    const Order take_profit = world.Leg("a", Leg::kTakeProfit);
    world.venue.on_place = [&] {
      world.venue.on_place = nullptr;
      world.desk.Report(ReportOf(take_profit, OrderStatus::kNew));
    };
    world.protector.Pass("BTCUSDT");
    EXPECT_EQ(world.venue.CountOpen(true), 1) << "the stop, and no second take-profit";
    EXPECT_EQ(world.Leg("a", Leg::kTakeProfit).status, OrderStatus::kNew);
  });
}

TEST_F(Pains, TheReconcilerTakesItsTimeWhileFillsAreMissing) {
  Run([](World& world) {
    world.venue.withhold_fills = true;
    world.venue.on_event = nullptr;
    world.Enter("a");  // its answer tells of the fill, which neither stream nor REST brings
    ASSERT_TRUE(world.desk.ledger.LacksFills("BTCUSDT"));
    world.desk.on_fills_missing = [&] { world.reconciler.Kick(); };
    world.desk.Spawn([&] { world.reconciler.Run(); });
    world.reconciler.Kick();
    for (int i = 0; i < 50; ++i) {
      fiber::SleepFor(20ms);
      world.protector.Pass("BTCUSDT");  // asks for fills each time
    }
    EXPECT_GE(world.venue.positions_asked, 2);
    EXPECT_LE(world.venue.positions_asked, 12);  // two a pass
    world.venue.withhold_fills = false;
    EXPECT_TRUE(Eventually([&] { return !world.desk.ledger.LacksFills("BTCUSDT"); }));
  });
}

TEST_F(Pains, Pain4ACancelOfAnUnknownOrderDoesNotProveItsAbsenceByTheTimeItWasPlanned) {
  Run([](World& world) {
    fiber::SleepFor(400ms);  // eight seconds of its clock: it was planned long before it is sent
    world.venue.next_place = {Answer::kDropThenUnknown};
    world.Enter("a");
    EXPECT_FALSE(world.sender.Cancel(world.Leg("a", Leg::kEntry).client_order_id).ok());
    EXPECT_EQ(world.Leg("a", Leg::kEntry).status, OrderStatus::kUnknown) << "it may still arrive";
    EXPECT_TRUE(Eventually([&] { return trading::IsFinal(world.Leg("a", Leg::kEntry).status); }));
  });
}

// Killed while a stop for the whole was on its way; the next process sized the same intent for a part. A report of more
// than that cannot be true, as long as nobody looks at what the order was sent for.
TEST_F(Pains, Pain4AnOlderLargerRequestOfAnOrderIsNotAskedAboutForEver) {
  Run([](World& world) {
    world.Enter("a");
    const Order stop = world.Leg("a", trading::Leg::kStopLoss);
    world.venue.on_event = nullptr;
    world.venue.Place(RequestOf(stop));
    world.venue.Trigger(stop.client_order_id);
    world.desk.Commit(world.desk.ledger.Resize(stop.client_order_id, "0.004"_dec, world.desk.Now()));
    world.venue.next_place = {Answer::kDropThenUnknown};
    world.sender.Submit(stop.client_order_id);
    EXPECT_TRUE(Eventually([&] { return world.Leg("a", trading::Leg::kStopLoss).status == OrderStatus::kFilled; }));
    EXPECT_EQ(world.Leg("a", trading::Leg::kStopLoss).filled_quantity, "0.01"_dec);
  });
}

// Sent, over, and never recorded: the venue would take the same id a second time.
TEST_F(Pains, Pain4AProtectiveIntentOfAnEarlierProcessIsNotSentAgain) {
  Run([](World& world) {
    world.Enter("a");
    const Order stop = world.Leg("a", trading::Leg::kStopLoss);
    world.venue.on_event = nullptr;
    world.venue.Place(RequestOf(stop));
    world.venue.orders.at(stop.client_order_id).report.status = OrderStatus::kCanceled;
    world.venue.placed.clear();
    world.protector.Recover();
    EXPECT_TRUE(Eventually([&] {
      world.protector.Pass("BTCUSDT");
      return world.desk.ledger.IsProtected("BTCUSDT");
    }));
    EXPECT_THAT(world.sink.events, ::testing::Not(::testing::Contains("order.unknown"))) << "nothing has failed";
    for (const exchange::NewOrder& request : world.venue.placed) {
      EXPECT_NE(request.client_order_id, stop.client_order_id);
    }
  });
}

// A full desk of resting entries would be asked about one by one, and its symbols take no entries meanwhile.
TEST_F(Pains, TheStopOfAnEntryThatRestsWithoutAFillWasNotSentAndIsNotAskedAbout) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    world.Enter("a");
    ASSERT_TRUE(Eventually([&] { return world.Leg("a", trading::Leg::kEntry).status == OrderStatus::kNew; }));
    int asked = 0;
    world.venue.on_find = [&] { ++asked; };
    world.protector.Recover();
    EXPECT_EQ(world.Leg("a", trading::Leg::kStopLoss).status, OrderStatus::kIntent);
    EXPECT_FALSE(world.desk.SymbolHalted("BTCUSDT"));
    EXPECT_EQ(asked, 0);
  });
}

TEST_F(Pains, TheStopOfAnEntryWhoseOwnFateIsOpenIsAskedAbout) {
  Run([](World& world) {
    world.desk.ledger.Adopt(PlanOf(LastingApproval("a", Side::kBuy)));
    world.protector.Recover();
    EXPECT_EQ(world.Leg("a", trading::Leg::kStopLoss).status, OrderStatus::kUnknown);
  });
}

TEST_F(Pains, FundingExpectedWhileItIsBeingAskedForIsAskedForAgain) {
  Run([](World& world) {
    world.venue.on_funding = [&] {
      world.venue.on_funding = nullptr;
      world.reconciler.ExpectFunding();
    };
    ASSERT_TRUE(world.reconciler.Pass().ok());
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.venue.funding_asked, 2);
  });
}

}  // namespace
}  // namespace quantum::execution
