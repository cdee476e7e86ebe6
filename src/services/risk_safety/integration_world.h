#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "platform/bus/bus.h"
#include "services/risk_safety/decider.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "trading/bus/registry.h"

// For the integration tests: risk-safety's parts over a real Postgres; what is published is read from the outbox.
namespace quantum::risk_safety::test {

struct World {
  World(fiber::Loop& loop, const postgres::PoolOptions& options, const std::string& directory)
      : pool(loop, options),
        redis(loop, {}),
        bus(loop, redis, &pool,
            {.producer = "risk-safety-service", .group = "risk-safety-service", .works_from_start = true}),
        views(SystemClock()),
        policies(pool, bus, nullptr, SystemClock(), directory + "/policies.json"),
        decider({.pool = pool,
                 .bus = bus,
                 .clock = SystemClock(),
                 .views = views,
                 .policies = policies,
                 .mode = "PAPER",
                 .paused = [this] { return paused; },
                 .ess = [this] { return ess; },
                 .alone = [] { return Duration::zero(); }},
                {}) {}

  std::string One(const std::string& sql) {
    const auto rows = pool.Query(sql, {}, {.idempotent = true});
    return rows.ok() && !rows->empty() ? std::string(rows->Text(0, "value"))
                                       : "(" + (rows.ok() ? "none" : rows.error().message) + ")";
  }

  postgres::Pool pool;
  redis::Client redis;
  bus::Bus bus;
  Views views;
  PolicyBook policies;
  bool paused = false;
  EssState ess = EssState::kArmed;
  Decider decider;
};

class Database : public ::testing::Test {
 protected:
  // One server for all suites of the program; it goes with the process.
  static void SetUpTestSuite() {
    if (server_ == nullptr) {
      trading::event::RegisterAll();
      server_ = std::make_unique<testing::PostgresServer>();
    }
  }
  void SetUp() override {
    Run([](World& world) {
      for (const char* table :
           {"outbox", "risk_decisions", "risk_refusals", "reservations", "ess_state", "ess_history", "risk_days"}) {
        ASSERT_TRUE(world.pool.Query(std::string("DELETE FROM ") + table).ok()) << table;
      }
    });
  }
  void Run(const std::function<void(World&)>& body) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      World world(loop, server_->ServiceOptions(), directory_.path().string());
      body(world);
    });
  }
  static inline std::unique_ptr<testing::PostgresServer> server_;
  testing::TemporaryDirectory directory_{"quantum-risk-safety"};
};

}  // namespace quantum::risk_safety::test
