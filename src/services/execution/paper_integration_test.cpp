// The whole way of an order against the real paper exchange and a real Postgres.
#include <gtest/gtest.h>

#include <numeric>

#include "exchange/binance/venue_factory.h"
#include "platform/bus/bus.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"
#include "services/execution/emergency.h"
#include "services/execution/entries.h"
#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/store.h"
#include "services/execution/test_data.h"
#include "services/execution/writer.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/postgres_server.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;

bool Eventually(Duration timeout, const std::function<bool()>& condition) {
  timeout *= testing::kSlowdown;
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() > end) {
      return false;
    }
    fiber::SleepFor(20ms);
  }
  return true;
}

struct World {
  World(fiber::Loop& loop, const postgres::PoolOptions& options, const testing::PaperExchangeProcess& paper)
      : venue(binance::MakeTradingVenue(Parameters(loop, paper)).value()),
        market(binance::MakeMarketVenue(Parameters(loop, paper)).value()),
        pool(loop, options),
        redis(loop, {}),
        bus(loop, redis, &pool, {.producer = "execution-service", .group = "execution-service"}),
        lease(pool, "PAPER", "the process under test", SystemClock()),
        writer(std::make_shared<Writer>(pool, bus, lease, "PAPER", SystemClock())),
        desk(loop, SystemClock(), *venue, *writer, MakeSettings(paper)),
        sender(desk),
        entries(desk, sender, pool, bus, lease),
        protector(desk, sender),
        reconciler(desk, sender),
        emergency(desk, sender) {
    desk.on_change = [this](const std::string& symbol) { protector.Wake(symbol); };
    desk.on_fills_missing = [this] { reconciler.Kick(); };
  }
  static binance::VenueParameters Parameters(fiber::Loop& loop, const testing::PaperExchangeProcess& paper) {
    return {.loop = &loop,
            .mode = config::Mode::kPaper,
            .hosts = binance::HostsOf(config::Mode::kPaper, paper.port()),
            .credentials = {paper.key(), paper.secret()}};
  }
  static Settings MakeSettings(const testing::PaperExchangeProcess& paper) {
    Settings settings;
    settings.mode = "PAPER";
    settings.symbols = {"BTCUSDT", "ETHUSDT"};
    settings.halt_file = paper.State() + "/run/halt.json";
    settings.reconcile_interval = 2s;
    return settings;
  }
  void Begin() {
    ASSERT_TRUE(lease.Acquire(desk.stopping, [](bool) {}).ok());
    writer->Start(desk.loop);
    const auto all = venue->Rules().value();
    for (const auto& rules : all) {
      desk.rules[rules.symbol] = rules;
    }
    desk.ledger.Restore(LoadLedger(pool).value(), desk.Now());
    venue->StreamUser([this](const exchange::UserEvent& event) {
      if (const auto* report = std::get_if<trading::OrderReport>(&event)) {
        desk.Report(*report);
      } else if (std::holds_alternative<exchange::StreamConnected>(event)) {
        reconciler.Kick();
      }
    });
    ASSERT_TRUE(Eventually(10s, [&] { return venue->user_stream_connected(); }));
    const Status first = reconciler.First();
    ASSERT_TRUE(first.ok()) << first.error().message;
    desk.restored = true;
    desk.reconciled = true;
    desk.Spawn([this] { reconciler.Run(); });
    for (const std::string& symbol : desk.ledger.Symbols()) {
      protector.Wake(symbol);
    }
  }
  Decimal Price() { return market->Depth("BTCUSDT", 5).value().asks.front().price; }
  // `before_commit` runs when the approval is handled and its transaction still open.
  Status Deliver(
      Approval approval, const std::function<void()>& before_commit = [] {}) {
    approval.decision.expires_at = ToUnixMs(SystemClock().Now() + 30s);
    bus::Event event = trading::event::Make(trading::event::kRiskApproved, "BTCUSDT", trading::event::ToJson(approval));
    event.correlation_id = "correlation-" + approval.decision.decision_id;
    return pool.Transact([&](postgres::Transaction& transaction) -> Status {
      QUANTUM_CHECK(entries.OnApproval(event, transaction));
      before_commit();
      return {};
    });
  }
  Approval Open(const std::string& id, Side side, const char* stop_percent, const char* target_percent) {
    Approval approval = OpenApproval(id, side, "0.01");
    const Decimal price = Price();
    const auto off = [&](const char* percent, bool up) {
      const Decimal distance = price.Times(D(percent)).DividedBy(D("100"));
      return up ? price + distance : price - distance;
    };
    approval.decision.reference_price = price;
    approval.decision.stop_loss = off(stop_percent, side == Side::kSell);
    approval.decision.take_profit = off(target_percent, side == Side::kBuy);
    return approval;
  }
  const Trade* FindTrade(const char* id) { return desk.ledger.FindTrade(id); }
  std::string One(const std::string& sql) {
    const auto rows = pool.Query(sql, {}, {.idempotent = true});
    return rows.ok() && !rows->empty() ? std::string(rows->Text(0, "value")) : "?";
  }
  size_t OpenAtVenue() {
    const auto open = venue->OpenOrders();
    return open.ok() ? open->size() : 999;
  }

  std::unique_ptr<exchange::TradingVenue> venue;
  std::unique_ptr<exchange::MarketVenue> market;
  postgres::Pool pool;
  redis::Client redis;
  bus::Bus bus;
  Lease lease;
  std::shared_ptr<Writer> writer;
  Desk desk;
  Sender sender;
  Entries entries;
  Protector protector;
  Reconciler reconciler;
  Emergency emergency;
};

class Paper : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { trading::event::RegisterAll(); }
  void SetUp() override { paper_.Start(); }
  void Run(const std::function<void(World&)>& body) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      const auto world = std::make_shared<World>(loop, postgres_.ServiceOptions(), paper_);
      world->desk.owner = world;
      world->Begin();
      if (!HasFatalFailure()) {
        body(*world);
      }
      world->desk.stopping.Set();
      world->reconciler.Kick();
      world->venue->Stop();
      world->market->Stop();
      world->writer->Stop();
      world->lease.Release();
      fiber::SleepFor(300ms);
    });
  }
  testing::PaperExchangeProcess paper_{checkout::BinaryDirectory()};
  testing::PostgresServer postgres_;
};

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
