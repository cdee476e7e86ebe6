// What comes twice happens once, against a real Postgres: approvals delivered again, answers that were lost, a database
// that was set back.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <vector>

#include "services/execution/integration_world.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;

class Once : public Records {
 protected:
  // While `meanwhile` runs, no COMMIT of a transaction that has written to the table ends; then `afterwards`.
  void CommitSlowly(const std::string& table, const std::function<void(World&)>& meanwhile,
                    const std::function<void(World&)>& afterwards) {
    AsOwner(
        {"CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS "
         "$$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$",
         "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON " + table +
             " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit()"});
    Run([&](World& world) {
      const Status held = world.pool.Transact(
          [&](postgres::Transaction& transaction) -> Status {
            QUANTUM_CHECK(transaction.Query("SELECT pg_advisory_xact_lock(4711)"));
            meanwhile(world);
            return {};
          },
          {.timeout = 40s});
      EXPECT_TRUE(held.ok()) << held.error().message;
      afterwards(world);
    });
    AsOwner({"DROP FUNCTION slow_commit() CASCADE"});
  }
  static int BackendsThatWait(World& world) {
    return std::stoi(world.One("SELECT count(*) AS value FROM pg_stat_activity WHERE wait_event_type = 'Lock'"));
  }
};

TEST_F(Once, AnEntryWhoseCommitOutlastsItsAnswerIsSentOnceAndOnlyThen) {
  CommitSlowly(
      "orders",
      [](World& world) {
        const Status delivered = world.Deliver(OpenApproval("a"), true, {.timeout = 500ms});
        ASSERT_FALSE(delivered.ok());
        EXPECT_EQ(delivered.error().code, Errc::kUnknownOutcome);
        // That COMMIT, and what execution does about it.
        EXPECT_TRUE(Eventually([&] { return BackendsThatWait(world) >= 2; }));
        EXPECT_EQ(world.EntriesPlaced(), 0);
      },
      [](World& world) {
        ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
        EXPECT_FALSE(world.desk.ledger.PositionOf("BTCUSDT").is_flat());
        ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());  // delivered again
        ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
        EXPECT_EQ(world.EntriesPlaced(), 1);
      });
}

// It waits for its turn at the server while execution makes sure of the intents.
TEST_F(Once, AnEntryWhoseTransactionBeginsAfterItWasGivenUpIsSentOnce) {
  Run([](World& world) {
    // PgBouncer hands out the connection that was given back last.
    const pid_t backend = std::stoi(world.One("SELECT pg_backend_pid() AS value"));
    ASSERT_EQ(::kill(backend, SIGSTOP), 0);
    const Status delivered = world.pool.Transact(
        [&](postgres::Transaction& transaction) -> Status {
          transaction.Queue(
              {"INSERT INTO manual_orders (idempotency_key, body_hash, decision_id) "
               "VALUES ('it began', '', '')",
               {}});
          return world.entries.OnApproval(World::EventOf(OpenApproval("a")), transaction);
        },
        {.timeout = 500ms});
    const auto began = [&] { return world.One("SELECT count(*) AS value FROM manual_orders") == "1"; };
    EXPECT_FALSE(delivered.ok());
    EXPECT_TRUE(Eventually([&] { return world.EntriesPlaced() == 1; }));
    EXPECT_FALSE(began());
    ASSERT_EQ(::kill(backend, SIGCONT), 0);
    EXPECT_TRUE(Eventually(began));
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());  // delivered again
    ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_EQ(world.EntriesPlaced(), 1);
    EXPECT_EQ(world.One("SELECT count(*) AS value FROM orders WHERE leg = 'ENTRY'"), "1");
  });
}

TEST_F(Once, AnApprovalAfterTheLeaseWasLostIsNeitherRecordedNorSent) {
  Run([](World& world) {
    ASSERT_TRUE(world.pool.Query("UPDATE execution_lease SET token = token + 1").ok());
    const Status delivered = world.Deliver(OpenApproval("a"));
    ASSERT_FALSE(delivered.ok());
    EXPECT_EQ(delivered.error().code, Errc::kCancelled);
    ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_EQ(world.EntriesPlaced(), 0);
    EXPECT_EQ(world.One("SELECT count(*) AS value FROM orders"), "0");
  });
}

// The standby that COMMIT waits for may be away for longer than the writer waits for the answer; asked meanwhile, the
// rows are not there.
TEST_F(Once, ABatchWhoseCommitOutlastsItsAnswerIsWrittenOnce) {
  CommitSlowly(
      "outbox",
      [](World& world) {
        EXPECT_TRUE(world.Deliver(OpenApproval("a")).ok());
        EXPECT_TRUE(Eventually([&] { return world.writer->behind(SystemClock().Steady()) > Duration::zero(); }));
        // That COMMIT, and what the writer does about it.
        EXPECT_TRUE(Eventually([&] { return BackendsThatWait(world) >= 2; }));
      },
      [](World& world) {
        ASSERT_TRUE(world.writer->WaitWritten(20s));
        EXPECT_EQ(world.One("SELECT count(*) - count(DISTINCT (type, payload)) AS value FROM outbox WHERE type LIKE "
                            "'order.%'"),
                  "0");
        EXPECT_NE(world.One("SELECT count(*) AS value FROM outbox WHERE type LIKE 'order.%'"), "0");
      });
}

TEST_F(Once, Pain4ADecisionThatWasRefusedIsNotCarriedOutWhenItComesAgain) {
  Run([](World& world) {
    world.desk.paused = true;
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    world.desk.paused = false;
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_TRUE(world.venue.placed.empty());
    EXPECT_EQ(world.One("SELECT status AS value FROM orders WHERE leg = 'ENTRY'"), "CANCELED");
  });
}

// A restore sets the database back, and the bus delivers the approval once more.
TEST_F(Once, ADecisionThatTheDatabaseHasForgottenIsNotCarriedOutASecondTimeAndNotCalledCancelled) {
  std::map<std::string, exchange::VenueOrder> orders;
  std::vector<trading::Fill> fills;
  Run([&](World& world) {
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    orders = world.venue.orders;
    fills = world.venue.fills;
    Forget(world);
  });
  for (const bool halted : {false, true}) {
    Run([&](World& world) {
      world.venue.orders = orders;
      world.venue.fills = fills;
      world.desk.set_back = SystemClock().Now() + 1h;
      world.desk.paused = halted;  // what would refuse it, were it new
      ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
      EXPECT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
      ASSERT_TRUE(world.writer->WaitWritten(20s));
      EXPECT_EQ(world.EntriesPlaced(), 0);
      EXPECT_EQ(world.One("SELECT status AS value FROM orders WHERE leg = 'ENTRY'"), "FILLED") << halted;
      Forget(world);
    });
  }
}

TEST_F(Once, Pain4ADecisionDeliveredTwiceIsCarriedOutOnce) {
  Run([](World& world) {
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    EXPECT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    fiber::SleepFor(100ms);
    EXPECT_EQ(world.EntriesPlaced(), 1);
  });
}

}  // namespace
}  // namespace quantum::execution
