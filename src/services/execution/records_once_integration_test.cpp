// What comes twice happens once, against a real Postgres: approvals delivered again, answers that were lost, a database
// that was set back.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "services/execution/integration_world.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;

class Once : public Records {};

TEST_F(Once, AnEntryWhoseCommitGotNoAnswerIsFoundCommittedAndSentOnce) {
  Run([](World& world) {
    ASSERT_TRUE(world.DeliverUnheard(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_FALSE(world.desk.ledger.PositionOf("BTCUSDT").is_flat());
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());  // delivered again
    ASSERT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_EQ(std::ranges::count(world.venue.placed, false, &exchange::NewOrder::reduce_only), 1);
  });
}

// The standby that COMMIT waits for may be away for longer than the writer waits for the answer; asked meanwhile, the
// rows are not there.
TEST_F(Once, ABatchWhoseCommitOutlastsItsAnswerIsWrittenOnce) {
  AsOwner(
      {"CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS "
       "$$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$",
       "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED "
       "FOR EACH ROW EXECUTE FUNCTION slow_commit()"});
  Run([](World& world) {
    EXPECT_TRUE(world.pool
                    .Transact(
                        [&](postgres::Transaction& transaction) -> Status {
                          QUANTUM_TRY(const auto locked, transaction.Query("SELECT pg_advisory_xact_lock(4711)"));
                          QUANTUM_CHECK(world.Deliver(OpenApproval("a")));
                          EXPECT_TRUE(Eventually(
                              [&] { return world.writer->behind(SystemClock().Steady()) > Duration::zero(); }));
                          EXPECT_TRUE(Eventually([&] {  // that COMMIT, and what the writer does about it
                            return world.One(
                                       "SELECT count(*) >= 2 AS value FROM pg_stat_activity WHERE "
                                       "wait_event_type = 'Lock'") == "t";
                          }));
                          return {};
                        },
                        {.timeout = 40s})
                    .ok());
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT count(*) - count(DISTINCT (type, payload)) AS value FROM outbox WHERE type LIKE "
                        "'order.%'"),
              "0");
    EXPECT_NE(world.One("SELECT count(*) AS value FROM outbox WHERE type LIKE 'order.%'"), "0");
  });
  AsOwner({"DROP FUNCTION slow_commit() CASCADE"});
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
      EXPECT_TRUE(std::ranges::none_of(world.venue.placed, [](const auto& order) { return !order.reduce_only; }));
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
    EXPECT_EQ(std::ranges::count_if(world.venue.placed, [](const auto& order) { return !order.reduce_only; }), 1);
  });
}

}  // namespace
}  // namespace quantum::execution
