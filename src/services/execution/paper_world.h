#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

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
#include "tests/support/fiber_eventually.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/postgres_server.h"
#include "tests/support/run_in_fiber.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

// What the tests of execution against the real paper exchange and a real Postgres share.
namespace quantum::execution::paper_test {

using namespace test;
using namespace std::chrono_literals;
using testing::fibers::Eventually;

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
    return DeliverAsItIs(trading::event::ToJson(approval), "correlation-" + approval.decision.decision_id,
                         before_commit);
  }
  // As the bus does it: the handler inside a transaction that then commits.
  Status DeliverAsItIs(
      std::string payload, const std::string& correlation_id, const std::function<void()>& before_commit = [] {}) {
    bus::Event event = trading::event::Make(trading::event::kRiskApproved, "BTCUSDT", std::move(payload));
    event.correlation_id = correlation_id;
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

}  // namespace quantum::execution::paper_test
