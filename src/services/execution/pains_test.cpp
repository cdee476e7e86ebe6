// The failures that must be impossible, recreated against a venue that misbehaves on command.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "services/execution/emergency.h"
#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/scripted_venue.h"
#include "services/execution/sender.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using trading::OrderStatus;
using Answer = ScriptedVenue::Answer;

class Sink final : public ChangeSink {
 public:
  void Enqueue(ChangeSet changes) override {
    for (bus::Event& event : changes.events) {
      events.push_back(event.type);
    }
  }
  bool WaitWritten(Duration) override { return true; }
  std::vector<std::string> events;
};

// Not expired however long this machine takes: the clock below runs twenty times as fast as the others.
Approval LastingApproval(const std::string& id = "decision-1", Side side = Side::kBuy) {
  Approval approval = OpenApproval(id, side);
  approval.decision.expires_at += std::chrono::milliseconds(1h).count();
  return approval;
}

// Time that runs twenty times as fast as the fibers' waits, so that a proof of absence takes no six seconds.
class FastClock final : public Clock {
 public:
  WallTime Now() const override { return kNow + Scaled(); }
  SteadyTime Steady() const override { return SteadyTime(1h) + Scaled(); }

 private:
  Duration Scaled() const { return 20 * (SystemClock().Steady() - begin_); }
  SteadyTime begin_ = SystemClock().Steady();
};

class Pains : public ::testing::Test {
 protected:
  struct World {
    explicit World(fiber::Loop& loop, const Clock& clock, const std::string& directory)
        : desk(loop, clock, venue, sink, MakeSettings(directory)),
          sender(desk),
          protector(desk, sender),
          reconciler(desk, sender),
          emergency(desk, sender) {
      desk.rules = AllRules();
      desk.restored = true;
      desk.reconciled = true;
      venue.StreamUser([this](const exchange::UserEvent& event) {
        if (const auto* report = std::get_if<trading::OrderReport>(&event)) {
          desk.Report(*report);
        }
      });
    }
    static Settings MakeSettings(const std::string& directory) {
      Settings settings;
      settings.mode = "PAPER";
      settings.symbols = {"BTCUSDT"};
      settings.halt_file = directory + "/run/halt.json";
      return settings;
    }
    void Enter(const std::string& decision, Side side = Side::kBuy) {
      const Plan plan = PlanOf(LastingApproval(decision, side));
      desk.ledger.Adopt(plan);
      sender.Submit(plan.orders.front().client_order_id);
    }
    const Order& Leg(const std::string& decision, trading::Leg leg) {
      return *desk.ledger.FindOrder(trading::ClientOrderId(decision, leg));
    }
    ScriptedVenue venue;
    Sink sink;
    Desk desk;
    Sender sender;
    Protector protector;
    Reconciler reconciler;
    Emergency emergency;
  };

  Pains() {
    char name[] = "/tmp/execution-test-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~Pains() override { std::system(("rm -r " + directory_).c_str()); }

  void Run(const std::function<void(World&)>& body) {
    fiber::Loop loop("test");
    const auto world = std::make_shared<World>(loop, clock_, directory_);
    world->desk.owner = world;
    loop.Spawn([&] {
      body(*world);
      world->desk.stopping.Set();
      fiber::SleepFor(20ms);
      loop.Stop();
    });
    loop.Run();
  }
  static bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) {
        return true;
      }
      fiber::SleepFor(1ms);
    }
    return false;
  }
  std::string directory_;
  FastClock clock_;
};

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

TEST_F(Pains, AnUnreadableHaltFileHalts) {
  Run([this](World& world) {
    std::system(("mkdir -p " + directory_ + "/run && echo '{' > " + directory_ + "/run/halt.json").c_str());
    world.desk.halt.Look(kNow);
    EXPECT_TRUE(world.desk.halt.record());
  });
}

}  // namespace
}  // namespace quantum::execution
