// A COMMIT that waits for a synchronous standby that is not there: on this machine's disk already, and yet not safe.

#include "tests/integration/postgres/fixture.h"

namespace quantum::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SynchronousCommitTest : public ::testing::Test {
 protected:
  static Status InsertAndAwaitStandby(Pool& pool, Duration timeout) {
    return pool.Transact(
        [](Transaction& transaction) -> Status {
          QUANTUM_TRY(const auto rows, transaction.Batch({{"SET LOCAL synchronous_commit = on", {}},
                                                          {"INSERT INTO item (id) VALUES (1)", {}}}));
          return {};
        },
        {.timeout = timeout});
  }

  void Run(const std::function<void(fiber::Loop&, Pool&)>& body) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      Pool owner(loop, server_.OwnerOptions());
      ASSERT_TRUE(owner.Query("CREATE TABLE item (id bigint)"));
      Pool pool(loop, server_.ServiceOptions());
      body(loop, pool);
    });
  }

  testing::PostgresServer server_{{.migrate = false,
                                   .fsync = false,
                                   // Setting up must not wait; the transactions under test do.
                                   .settings = "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\n"}};
};

TEST_F(SynchronousCommitTest, IsNotCancelledByTheDeadlineAndItsOutcomeIsUnknown) {
  Run([](fiber::Loop&, Pool& pool) {
    ASSERT_TRUE(pool.Query("SELECT 1"));  // connected: all of the time is the transaction's
    const Stopwatch watch;
    const Status done = InsertAndAwaitStandby(pool, 2s);
    EXPECT_LT(watch.elapsed(), 2s + kSlack);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Errc::kUnknownOutcome) << done.error().message;
    const auto rows = pool.Query("SELECT count(*) AS n FROM item");
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->Int(0, "n"), 0) << "still waiting, hence not visible: a cancelled wait would show the row";
  });
}

TEST_F(SynchronousCommitTest, WhoseWaitSomebodyCancelsReportsTheWarningAsAnUnknownOutcome) {
  Run([](fiber::Loop& loop, Pool& pool) {
    fiber::Event ended;
    loop.Spawn([&pool, &ended] {
      EXPECT_TRUE(WaitFor(20s, [&pool] {
        const auto rows =
            pool.Query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        return rows && !rows->empty();
      })) << "nothing waited for the standby";
      ended.Set();
    });
    const Status done = InsertAndAwaitStandby(pool, 15s);
    ended.Wait();
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Errc::kUnknownOutcome) << done.error().message;
    EXPECT_THAT(done.error().message, HasSubstr("canceling wait for synchronous replication"));
    EXPECT_EQ(pool.Query("SELECT count(*) AS n FROM item")->Int(0, "n"), 1) << "committed here alone";
  });
}

}  // namespace
}  // namespace quantum::postgres
