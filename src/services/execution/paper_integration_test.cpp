// The whole way of an order against the real paper exchange and a real Postgres.
#include "services/execution/paper_world.h"

#include <gtest/gtest.h>

namespace quantum::execution {
namespace {

using namespace paper_test;

TEST_F(Paper, AnOrderLivesFromApprovalToCloseAndTheWalletAgreesToTheLastDigit) {
  Run([](World& world) {
    const Decimal before = world.venue->GetAccount().value().wallet_balance;
    ASSERT_TRUE(world.Deliver(world.Open("long", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] {
      const auto open = world.desk.ledger.OpenPositions();
      return open.size() == 1 && open.front().is_protected && world.OpenAtVenue() == 2;
    })) << "filled, with stop and take-profit at the exchange";
    EXPECT_EQ(world.venue->Positions().value().front().quantity, "0.01"_dec);

    ASSERT_TRUE(world.Deliver(CloseApproval("close", Side::kSell, "0.01")).ok());
    ASSERT_TRUE(Eventually(10s, [&] {
      return world.FindTrade("long")->status == TradeStatus::kClosed && world.OpenAtVenue() == 0;
    })) << "closed, and no stop is left behind";
    EXPECT_TRUE(world.venue->Positions().value().empty());
    EXPECT_EQ(world.venue->GetAccount().value().wallet_balance - before, world.FindTrade("long")->net_pnl());

    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT status || ' ' || close_reason AS value FROM trades"), "CLOSED SIGNAL");
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM orders WHERE status NOT IN ('FILLED', 'CANCELED')"), "0");
    EXPECT_EQ(world.One("SELECT quantity::text AS value FROM positions WHERE symbol = 'BTCUSDT'"), "0.00000000");
    EXPECT_EQ(world.reconciler.repairs(), 0);
  });
}

TEST_F(Paper, EveryKindOfOrderStandsAtTheVenueAsItWasMeant) {
  Run([](World& world) {
    Approval parts = world.Open("parts", Side::kBuy, "5", "5");
    parts.decision.take_profits = {{*parts.decision.take_profit, "0.5"_dec},
                                   {parts.decision.take_profit->Times("1.01"_dec), "0.3"_dec}};
    parts.decision.trail = "2"_dec;
    ASSERT_TRUE(world.Deliver(parts).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 4; })) << "stop, two targets, trailing stop";
    std::map<trading::OrderType, Decimal> quantities;
    const auto open = world.venue->OpenOrders().value();
    for (const exchange::VenueOrder& order : open) {
      quantities[order.type] += order.quantity;
      EXPECT_TRUE(order.reduce_only);
      EXPECT_EQ(order.callback_percent, order.type == trading::OrderType::kTrailingStop ? "2"_dec : Decimal());
    }
    EXPECT_EQ(quantities[trading::OrderType::kStopMarket], "0.01"_dec);
    EXPECT_EQ(quantities[trading::OrderType::kTakeProfitMarket], "0.008"_dec);
    EXPECT_EQ(quantities[trading::OrderType::kTrailingStop], "0.01"_dec);

    // Post-only: what would trade at once is refused by the venue, and nothing else happens.
    Approval crossing = world.Open("crossing", Side::kBuy, "5", "5");
    crossing.decision.price = crossing.decision.reference_price.Times("1.01"_dec);
    crossing.decision.take_profit = crossing.decision.reference_price.Times("1.1"_dec);
    crossing.decision.time_in_force = trading::TimeInForce::kGtx;
    ASSERT_TRUE(world.Deliver(crossing).ok());
    ASSERT_TRUE(Eventually(
        10s, [&] { return world.FindTrade("crossing") != nullptr && IsDone(world.FindTrade("crossing")->status); }));
    EXPECT_TRUE(world.FindTrade("crossing")->entry_quantity.is_zero());

    ASSERT_TRUE(world.Deliver(CloseApproval("close", Side::kSell, "0.01")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 0; })) << "nothing is left behind";
    EXPECT_EQ(world.reconciler.repairs(), 0);
  });
}

TEST_F(Paper, ATightStopClosesTheTradeAndItsTakeProfitGoes) {
  Run([](World& world) {
    // The market may fall away from the stop: then the next one stands closer to it.
    std::string stopped;
    for (int i = 0; i < 10 && stopped.empty(); ++i) {
      const std::string id = "tight-" + std::to_string(i);
      const auto closed = [&] {
        const Trade* trade = world.FindTrade(id.c_str());
        return trade != nullptr && trade->status == TradeStatus::kClosed && world.OpenAtVenue() == 0;
      };
      ASSERT_TRUE(world.Deliver(world.Open(id, Side::kSell, "0.002", "5")).ok());
      if (!Eventually(10s, closed)) {
        ASSERT_TRUE(world.Deliver(CloseApproval("close-" + std::to_string(i), Side::kBuy, "0.01")).ok());
        ASSERT_TRUE(Eventually(20s, closed));
      }
      if (world.FindTrade(id.c_str())->close_reason == "STOP_LOSS") {
        stopped = id;
      }
    }
    ASSERT_FALSE(stopped.empty()) << "no stop triggered";
    ASSERT_TRUE(world.writer->WaitWritten(15s));
    EXPECT_EQ(
        world.One("SELECT (count(*) <= 1)::text AS value FROM orders WHERE leg = 'CLOSE' AND decision_id NOT LIKE "
                  "'close-%'"),
        "true")
        << "the stop itself, or one close in its place, never two";
    EXPECT_TRUE(world.venue->Positions().value().empty());
    EXPECT_EQ(world.reconciler.repairs(), 0);
  });
}

TEST_F(Paper, TheExchangeMayDieAndComeBackAndTradingGoesOn) {
  Run([this](World& world) {
    ASSERT_TRUE(world.Deliver(world.Open("one", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 2; }));
    paper_.Kill();
    fiber::SleepFor(300ms);
    paper_.Start();
    ASSERT_TRUE(Eventually(30s, [&] { return world.venue->user_stream_connected() && world.OpenAtVenue() == 2; }));
    ASSERT_TRUE(world.Deliver(world.Open("two", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(15s, [&] { return world.OpenAtVenue() == 4; }));
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.02"_dec);
    ASSERT_TRUE(world.writer->WaitWritten(20s));  // else the next life has something to repair
  });
  // And we may die as well.
  Run([](World& world) {
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.02"_dec);
    EXPECT_EQ(world.reconciler.repairs(), 0);
    const auto report = world.emergency.Halt("test", true, trading::kHaltedByOperator);
    EXPECT_TRUE(report.problems.empty());
    EXPECT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 0; }));
    EXPECT_TRUE(world.venue->Positions().value().empty());
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT string_agg(DISTINCT status || ' ' || close_reason, ',') AS value FROM trades"),
              "CLOSED EMERGENCY");
  });
}

TEST_F(Paper, Pain10AnApprovalThatIsPendingWhenTheEmergencyStopTripsSendsNoEntryAndExitsPass) {
  Run([](World& world) {
    ASSERT_TRUE(world.Deliver(world.Open("held", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 2; }));
    const Status pending = world.Deliver(world.Open("pending", Side::kBuy, "5", "5"), [&] {
      EXPECT_TRUE(world.emergency.Halt("DAILY_DRAWDOWN: test", false, trading::kHaltedByEss).problems.empty());
    });
    ASSERT_TRUE(pending.ok()) << pending.error().message;
    ASSERT_TRUE(world.Deliver(world.Open("later", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.entries.under_way() == 0; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    for (const char* id : {"pending", "later"}) {
      const auto found = world.venue->Find("BTCUSDT", trading::ClientOrderId(id, trading::Leg::kEntry), false);
      EXPECT_EQ(found.ok() ? Errc::kInternal : found.error().code, Errc::kNotFound) << id << " reached the venue";
      EXPECT_EQ(world.One("SELECT status || ' ' || split_part(reason, ':', 1) AS value FROM orders WHERE leg = 'ENTRY' "
                          "AND decision_id = '" +
                          std::string(id) + "'"),
                "CANCELED HALTED");
    }
    EXPECT_EQ(world.OpenAtVenue(), 2u) << "the stop and the take-profit of what was held stay";
    ASSERT_TRUE(world.Deliver(CloseApproval("close", Side::kSell, "0.01")).ok());
    EXPECT_TRUE(Eventually(
        10s, [&] { return world.FindTrade("held")->status == TradeStatus::kClosed && world.OpenAtVenue() == 0; }));
  });
}

TEST_F(Paper, WithPostgresDownNoEntriesGoOutStopsStayCommittedOnesAreStillPlacedAndAfterwardsEntriesResume) {
  Run([this](World& world) {
    ASSERT_TRUE(world.Deliver(world.Open("before", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 2; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    // Postgres dies between the fill of the entry and its protection.
    const auto killed = std::make_shared<bool>(false);
    world.desk.on_change = [this, killed, &world](const std::string& symbol) {
      const Trade* trade = world.FindTrade("struck");
      if (!*killed && trade != nullptr && !trade->position.is_flat()) {
        *killed = true;
        postgres_.KillPostgres();
      }
      world.protector.Wake(symbol);
    };
    ASSERT_TRUE(world.Deliver(world.Open("struck", Side::kBuy, "5", "5")).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return *killed; }));
    EXPECT_TRUE(Eventually(10s, [&] { return world.OpenAtVenue() == 4; })) << "its stop was committed before";
    EXPECT_GT(world.writer->pending(), 0u);
    EXPECT_FALSE(world.Deliver(world.Open("refused", Side::kBuy, "5", "5")).ok());
    EXPECT_EQ(world.venue->Positions().value().front().quantity, "0.02"_dec);
    EXPECT_EQ(world.OpenAtVenue(), 4u);

    postgres_.StartPostgres();
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    ASSERT_TRUE(Eventually(15s, [&] { return world.Deliver(world.Open("after", Side::kBuy, "5", "5")).ok(); }));
    EXPECT_TRUE(Eventually(15s, [&] { return world.OpenAtVenue() == 6; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT string_agg(trade_id || ' ' || status, ', ' ORDER BY created_at) AS value FROM trades"),
              "before OPEN, struck OPEN, after OPEN");
    EXPECT_EQ(world.One("SELECT quantity || ' ' || protected AS value FROM positions WHERE symbol = 'BTCUSDT'"),
              "0.03000000 true");
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.reconciler.repairs(), 0);
  });
}

}  // namespace
}  // namespace quantum::execution
