#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "platform/bus/bus.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"
#include "services/execution/entries.h"
#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/scripted_venue.h"
#include "services/execution/writer.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/run_in_fiber.h"
#include "tests/support/temporary_directory.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

// What the tests of execution against a real Postgres share; the venue is scripted.
namespace quantum::execution::test {

using namespace std::chrono_literals;

struct World {
  World(fiber::Loop& loop, const postgres::PoolOptions& options, const std::string& directory)
      : pool(loop, options),
        redis(loop, {}),
        bus(loop, redis, &pool, {.producer = "execution-service", .group = "execution-service"}),
        lease(pool, "PAPER", "the process under test", SystemClock()),
        writer(std::make_shared<Writer>(pool, bus, lease, "PAPER", SystemClock())),
        desk(loop, SystemClock(), venue, *writer, MakeSettings(directory)),
        sender(desk),
        entries(desk, sender, pool, bus, lease),
        protector(desk, sender),
        reconciler(desk, sender) {
    desk.rules = AllRules();
    desk.restored = true;
    desk.reconciled = true;
    desk.on_change = [this](const std::string& symbol) { protector.Wake(symbol); };
    venue.StreamUser([this](const exchange::UserEvent& event) { desk.Report(std::get<trading::OrderReport>(event)); });
  }
  static Settings MakeSettings(const std::string& directory) {
    Settings settings;
    settings.mode = "PAPER";
    settings.symbols = {"BTCUSDT"};
    settings.halt_file = directory + "/halt.json";
    return settings;
  }
  static bus::Event EventOf(Approval approval) {
    approval.decision.expires_at = ToUnixMs(SystemClock().Now() + 30s);
    bus::Event event = trading::event::Make(trading::event::kRiskApproved, "BTCUSDT", trading::event::ToJson(approval));
    event.correlation_id = "correlation-" + approval.decision.decision_id;
    return event;
  }
  // As the bus does it: the handler inside a transaction that then commits.
  Status Deliver(const Approval& approval, bool commit = true, postgres::CallOptions call = {}) {
    return pool.Transact(
        [&](postgres::Transaction& transaction) -> Status {
          QUANTUM_CHECK(entries.OnApproval(EventOf(approval), transaction));
          return commit ? Status() : Status(Error{Errc::kInternal, "rolled back by the test"});
        },
        call);
  }
  // The orders that the venue was asked to open something with.
  long EntriesPlaced() const { return std::ranges::count(venue.placed, false, &exchange::NewOrder::reduce_only); }
  std::string One(const std::string& sql) {
    const auto rows = pool.Query(sql, {}, {.idempotent = true});
    return rows.ok() && !rows->empty() ? std::string(rows->Text(0, "value"))
                                       : "(" + (rows.ok() ? "none" : rows.error().message) + ")";
  }

  ScriptedVenue venue;
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
};

inline bool Eventually(const std::function<bool()>& condition) { return testing::fibers::Eventually(15s, condition); }

class Records : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    trading::event::RegisterAll();
    server_ = new testing::PostgresServer;
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override { Run(Forget); }
  static void Forget(World& world) {
    for (const char* table :
         {"fills", "trades", "positions", "fill_cursors", "outbox", "manual_orders", "funding_payments", "orders"}) {
      ASSERT_TRUE(world.pool.Query(std::string("DELETE FROM ") + table).ok());
    }
  }
  void Run(const std::function<void(World&)>& body) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      const auto world = std::make_shared<World>(loop, server_->ServiceOptions(), directory_.path().string());
      world->desk.owner = world;
      ASSERT_TRUE(world->lease.Acquire(world->desk.stopping, [](bool) {}).ok());
      world->writer->Start(loop);
      body(*world);
      world->desk.stopping.Set();
      world->writer->Stop();
      world->lease.Release();
      world->desk.on_change = nullptr;
      fiber::SleepFor(300ms);
    });
  }
  static void AsOwner(const std::vector<std::string>& statements) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool owner(loop, server_->OwnerOptions());
      for (const std::string& sql : statements) {
        const auto done = owner.Query(sql);
        ASSERT_TRUE(done.ok()) << done.error().message;
      }
    });
  }
  static inline testing::PostgresServer* server_ = nullptr;
  testing::TemporaryDirectory directory_{"quantum-execution"};
};

}  // namespace quantum::execution::test
