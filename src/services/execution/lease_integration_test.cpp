// One writer per account, by a lease in a real Postgres.
#include "services/execution/lease.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "platform/bus/bus.h"
#include "platform/redis/client.h"
#include "services/execution/process_name.h"
#include "services/execution/test_data.h"
#include "services/execution/writer.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/run_in_fiber.h"
#include "trading/bus/registry.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;

// A process of execution, as far as the lease is concerned.
struct Process {
  Process(fiber::Loop& loop_, const postgres::PoolOptions& options, const std::string& name)
      : loop(loop_), pool(loop_, options), lease(pool, "PAPER", name, SystemClock()) {}
  Status Acquire() {
    return lease.Acquire(stopping, [this](bool now) { standing_by = standing_by || now; });
  }
  void Keep() {
    loop.Spawn([this] { lease.Keep(stopping, [this] { lost = true; }); });
  }
  fiber::Loop& loop;
  postgres::Pool pool;
  Lease lease;
  fiber::Event stopping;
  bool standing_by = false;
  bool lost = false;
};

class LeaseTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    trading::event::RegisterAll();
    server_ = new testing::PostgresServer;
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void Run(const std::function<void(Process&, Process&)>& body) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::PoolOptions options = server_->ServiceOptions();
      options.attempts_max = 1;
      options.statement_timeout = 1s;
      Process first(loop, options, "first");
      Process second(loop, options, "second");
      ASSERT_TRUE(first.pool.Query("UPDATE execution_lease SET released = true").ok());
      body(first, second);
      first.stopping.Set();
      second.stopping.Set();
      fiber::SleepFor(kLeaseRenewEvery + 100ms);  // its keepers see it
    });
  }
  static testing::PostgresServer* server_;
};

testing::PostgresServer* LeaseTest::server_ = nullptr;

TEST_F(LeaseTest, OneHoldsItAsLongAsItRenewsAndTheOtherStandsBy) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());
    first.Keep();
    EXPECT_TRUE(first.lease.MaySend(1s).ok());
    bool taken = false;
    first.loop.Spawn([&] { taken = second.Acquire().ok(); });
    EXPECT_FALSE(testing::fibers::Eventually(2 * kLeaseLength, [&] { return taken; }));
    EXPECT_TRUE(second.standing_by);
    EXPECT_EQ(second.lease.MaySend(0s).error().code, Errc::kConflict);
    second.stopping.Set();
    EXPECT_FALSE(first.lost);
  });
}

TEST_F(LeaseTest, WhoEndsInOrderIsFollowedAtOnce) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());
    first.lease.Release();
    EXPECT_FALSE(first.lease.MaySend(0s).ok());
    const SteadyTime begin = SystemClock().Steady();
    ASSERT_TRUE(second.Acquire().ok());
    EXPECT_LT(SystemClock().Steady() - begin, kLeaseLength) << "it did not wait out the time";
    EXPECT_FALSE(second.standing_by);
    EXPECT_GT(second.lease.token(), first.lease.token());
  });
}

TEST_F(LeaseTest, Pain4WhoStopsRenewingIsFollowedAndFindsOutThatItLost) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());  // and never renews: stopped, or cut off
    ASSERT_TRUE(second.Acquire().ok());
    EXPECT_TRUE(second.standing_by);
    EXPECT_FALSE(first.lease.MaySend(0s).ok()) << "before the other took it";
    EXPECT_TRUE(second.lease.MaySend(1s).ok());
    first.Keep();
    EXPECT_TRUE(testing::fibers::Eventually(5s, [&] { return first.lost; }));
  });
}

// As the process that holds it here is killed by the test, the other's process is the test itself.
TEST_F(LeaseTest, AHolderOfThisMachineThatHasEndedIsFollowedWhenItsLastRequestIsOver) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  Run([&](Process& first, Process& second) {
    Lease killed(first.pool, "PAPER", "killed@" + ProcessName(child), SystemClock());
    ASSERT_TRUE(killed.Acquire(first.stopping, [](bool) {}).ok());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const SteadyTime begin = SystemClock().Steady();
    ASSERT_TRUE(second.Acquire().ok());
    const Duration waited = SystemClock().Steady() - begin;
    EXPECT_GE(waited, kLastRequest);
    EXPECT_LT(waited, kLeaseLength);
    EXPECT_TRUE(second.standing_by);
  });
}

TEST_F(LeaseTest, Pain4AStaleHolderRecordsNothing) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());
    redis::Client redis(first.loop, {});
    bus::Bus bus(first.loop, redis, &first.pool, {.producer = "execution-service"});
    const auto writer = std::make_shared<Writer>(first.pool, bus, first.lease, "PAPER", SystemClock());
    writer->Start(first.loop);
    ChangeSet changes;
    changes.orders.push_back(PlanOf(OpenApproval("written-in-time")).orders.front());
    writer->Enqueue(changes);
    ASSERT_TRUE(writer->WaitWritten(2s));
    const auto count = [&](const char* decision) {
      return second.pool.Query("SELECT fence FROM orders WHERE decision_id = $1", {decision}).value();
    };
    ASSERT_EQ(count("written-in-time").size(), 1u);
    EXPECT_EQ(count("written-in-time").Int(0, "fence"), first.lease.token());

    ASSERT_TRUE(second.Acquire().ok());
    changes.orders.front() = PlanOf(OpenApproval("written-too-late")).orders.front();
    writer->Enqueue(changes);
    EXPECT_FALSE(writer->WaitWritten(1s));
    EXPECT_TRUE(count("written-too-late").empty());
    writer->Stop();
  });
}

// A transaction that the old holder had open when it was stopped ends before the new one writes.
TEST_F(LeaseTest, Pain4AHolderStoppedWithinATransactionHoldsNobodyUpAndCommitsNothing) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());
    bool over = false;
    Status written;
    first.loop.Spawn([&] {
      written = first.pool.Transact(
          [&](postgres::Transaction& transaction) -> Status {
            QUANTUM_TRY(const auto fence, transaction.Batch({first.lease.Fence()}));
            EXPECT_EQ(fence.front().size(), 1u);
            while (!over) {
              fiber::SleepFor(10ms);  // as if it were stopped
            }
            return transaction.Query("UPDATE execution_lease SET since = now() WHERE account = 'PAPER'").ok()
                       ? Status()
                       : Error{Errc::kInternal, "cut off"};
          },
          {.timeout = 30s});
    });
    const SteadyTime begin = SystemClock().Steady();
    ASSERT_TRUE(second.Acquire().ok());
    EXPECT_LT(SystemClock().Steady() - begin, kLeaseLength + 1s);
    over = true;
    EXPECT_TRUE(testing::fibers::Eventually(5s, [&] { return !written.ok(); }));
  });
}

// It could not renew, and nobody else could take it: it goes on.
TEST_F(LeaseTest, AnOutageOfPostgresCostsTheHolderNothingButTheTime) {
  Run([](Process& first, Process& second) {
    ASSERT_TRUE(first.Acquire().ok());
    const int64_t token = first.lease.token();
    first.Keep();
    bool taken = false;
    first.loop.Spawn([&] { taken = second.Acquire().ok(); });
    ASSERT_TRUE(testing::fibers::Eventually(5s, [&] { return second.standing_by; }));
    server_->KillPostgres();
    EXPECT_TRUE(testing::fibers::Eventually(10s, [&] { return first.lease.PostgresAway(); }));
    EXPECT_FALSE(first.lease.MaySend(0s).ok());
    server_->StartPostgres();
    EXPECT_TRUE(testing::fibers::Eventually(20s, [&] { return first.lease.MaySend(1s).ok(); }));
    EXPECT_FALSE(testing::fibers::Eventually(2 * kLeaseLength, [&] { return taken; }));
    EXPECT_FALSE(first.lease.PostgresAway());
    EXPECT_EQ(first.lease.token(), token);
    second.stopping.Set();
  });
}

}  // namespace
}  // namespace quantum::execution
