#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "platform/postgres/pool.h"
#include "tests/support/postgres_server.h"

namespace quantum::postgres {

// One Postgres behind one PgBouncer for all tests of a suite; each test starts with an empty table
// item (id bigint primary key, name text, amount numeric).
class PostgresTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<testing::PostgresServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    server_->StartPostgres();
    server_->StartPgBouncer();
    // After an outage PgBouncer asks Postgres again within a second.
    ASSERT_TRUE(testing::Eventually(std::chrono::seconds(30), [] {
      bool answers = false;
      WithPool([&](Pool& pool) { answers = pool.Query("SELECT 1").ok(); });
      return answers;
    })) << "no answer through PgBouncer";
    InFiber([](fiber::Loop& loop) {
      Pool owner(loop, server_->OwnerOptions());
      const Status made = owner.Transact([](Transaction& transaction) {
        return transaction.Script(
            "DROP TABLE IF EXISTS item;"
            "CREATE TABLE item (id bigint PRIMARY KEY, name text, amount numeric)");
      });
      ASSERT_TRUE(made.ok()) << made.error().message;
    });
  }

  static testing::PostgresServer& server() { return *server_; }

  // Test bodies run in a fiber, as services do.
  static void InFiber(const std::function<void(fiber::Loop&)>& body) { testing::RunInFiber(body); }

  // Runs body with a pool of the services' role through PgBouncer.
  static void WithPool(const std::function<void(Pool&)>& body, const std::function<void(PoolOptions&)>& adjust = {}) {
    InFiber([&](fiber::Loop& loop) {
      PoolOptions options = server_->ServiceOptions();
      if (adjust) {
        adjust(options);
      }
      Pool pool(loop, options);
      body(pool);
    });
  }

  static int64_t CountItems(Pool& pool) {
    const auto rows =
        pool.Query("SELECT count(*) AS n FROM item", {}, {.timeout = std::chrono::seconds(10), .idempotent = true});
    return rows ? rows->Int(0, "n") : -1;
  }

 private:
  static inline std::unique_ptr<testing::PostgresServer> server_;
};

// What an operation may take beyond its deadline on a machine that has no time for it. A deadline that does not hold is
// seen by far longer times: those of the naps and silences that it cuts off.
constexpr Duration kSlack = std::chrono::seconds(4);

// Lets other fibers run until the condition holds; false when the time passed first.
inline bool WaitFor(Duration timeout, const std::function<bool()>& condition) {
  timeout *= testing::kSlowdown;
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() >= end) {
      return false;
    }
    fiber::SleepFor(std::chrono::milliseconds(50));
  }
  return true;
}

// How long something took.
class Stopwatch {
 public:
  Duration elapsed() const { return SystemClock().Steady() - since_; }

 private:
  SteadyTime since_ = SystemClock().Steady();
};

}  // namespace quantum::postgres
