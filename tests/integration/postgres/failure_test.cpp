// What the pool promises when the server, the pooler or the network between fails at a chosen moment.

#include <thread>

#include "tests/integration/postgres/fixture.h"
#include "tests/support/tcp_gate.h"

namespace quantum::postgres {
namespace {

using namespace std::chrono_literals;
using testing::TcpGate;

class FailureTest : public PostgresTest {
 protected:
  // A pool whose way to PgBouncer leads through a gate.
  static void ThroughGate(const std::function<void(Pool&, TcpGate&)>& body) {
    TcpGate gate(server().pgbouncer_port());
    WithPool([&](Pool& pool) { body(pool, gate); }, [&](PoolOptions& options) { options.port = gate.port(); });
  }

  // Succeeds again within the time.
  static bool Recovers(Pool& pool, Duration within) {
    const Stopwatch watch;
    while (watch.elapsed() < within) {
      if (pool.Query("SELECT 1", {}, {.timeout = 2s, .idempotent = true})) {
        return true;
      }
      fiber::SleepFor(100ms);
    }
    return false;
  }
};

TEST_F(FailureTest, ACommitWhoseAnswerIsLostIsAnUnknownOutcomeAndIsNotRepeated) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    gate.CutAfterRequest("COMMIT");
    int runs = 0;
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      ++runs;
      QUANTUM_TRY(const Rows row, transaction.Query("INSERT INTO item (id) VALUES (1)"));
      return {};
    });
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(gate.cuts(), 1);
    EXPECT_EQ(done.error().code, Errc::kUnknownOutcome) << done.error().message;
    EXPECT_EQ(runs, 1);
    // The server got the COMMIT, and this is why it must not be taken for a failure.
    EXPECT_TRUE(Recovers(pool, 30s));
    const Stopwatch watch;
    while (CountItems(pool) != 1 && watch.elapsed() < 20s) {
      fiber::SleepFor(20ms);
    }
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(FailureTest, ATransactionCutBeforeItsCommitWasSentIsRolledBackAndRunAgain) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    gate.CutAfterRequest("INSERT INTO item");
    int runs = 0;
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      ++runs;
      QUANTUM_TRY(const Rows row, transaction.Query("INSERT INTO item (id) VALUES (1)"));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(gate.cuts(), 1);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(FailureTest, ABatchWhoseAnswerIsLostIsUnknownAndRepeatedOnlyWhereThatDoesNoHarm) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    gate.CutAfterRequest("COMMIT");
    const auto once = pool.Query("INSERT INTO item (id) VALUES (1)");
    ASSERT_FALSE(once);
    EXPECT_EQ(once.error().code, Errc::kUnknownOutcome) << once.error().message;

    gate.CutAfterRequest("COMMIT");
    const auto twice = pool.Query("INSERT INTO item (id) VALUES (2) ON CONFLICT DO NOTHING", {}, {.idempotent = true});
    EXPECT_TRUE(twice) << twice.error().message;
    EXPECT_EQ(gate.cuts(), 2);
  });
}

// The repeat that could not be sent had no effect for certain; the first attempt had one.
TEST_F(FailureTest, AnAnswerThatIsLostStaysAnUnknownOutcomeWhenTheRepeatFindsNoServer) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    ASSERT_TRUE(pool.Query("SELECT 1"));  // the connection is there
    gate.CutAfterRequest("COMMIT");
    gate.RefuseNew(true);
    const auto done = pool.Query("INSERT INTO item (id) VALUES (1) ON CONFLICT DO NOTHING", {}, {.idempotent = true});
    ASSERT_FALSE(done);
    EXPECT_EQ(gate.cuts(), 1);
    EXPECT_EQ(done.error().code, Errc::kUnknownOutcome) << done.error().message;
    gate.RefuseNew(false);
    EXPECT_TRUE(Recovers(pool, 30s));
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(FailureTest, ACommitThatIsNotAnsweredInTimeIsUnknownAtTheDeadline) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    ASSERT_TRUE(pool.Query("SELECT 1"));
    gate.HoldAnswers(true);
    const Stopwatch watch;
    const auto done = pool.Query("INSERT INTO item (id) VALUES (1)", {}, {.timeout = 300ms});
    EXPECT_LT(watch.elapsed(), 300ms + kSlack);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::kUnknownOutcome) << done.error().message;
    gate.HoldAnswers(false);
    EXPECT_TRUE(Recovers(pool, 30s)) << "the connection was not used again";
    const Stopwatch committing;  // of the one that was given up
    while (CountItems(pool) != 1 && committing.elapsed() < 20s) {
      fiber::SleepFor(20ms);
    }
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(FailureTest, AServerThatDoesNotAnswerAtAllCostsNoMoreThanTheDeadline) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    gate.HoldRequests(true);
    const Stopwatch watch;
    const auto done = pool.Query("INSERT INTO item (id) VALUES (1)", {}, {.timeout = 500ms});
    EXPECT_LT(watch.elapsed(), 500ms + kSlack);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::kUnavailable) << "not even connected: nothing was sent";
    gate.HoldRequests(false);
    EXPECT_TRUE(Recovers(pool, 30s));
    EXPECT_EQ(CountItems(pool), 0);
  });
}

TEST_F(FailureTest, IdleConnectionsThatWereCutAreNoticedBeforeTheyAreUsed) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    for (int i = 0; i < 5; ++i) {
      const auto done = pool.Query("INSERT INTO item (id) VALUES ($1)", {std::to_string(i)});
      EXPECT_TRUE(done) << done.error().message;
      gate.CutAll();
      fiber::SleepFor(20ms);  // the reset arrives
    }
    EXPECT_EQ(CountItems(pool), 5);
  });
}

TEST_F(FailureTest, PostgresKilledInAStatementIsAnErrorWithinTheDeadlineAndThePoolRecovers) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("SELECT 1"));
    std::thread killer([] {
      std::this_thread::sleep_for(300ms);
      server().KillPostgres();
    });
    const Stopwatch watch;
    const Status done = pool.Transact(
        [](Transaction& transaction) -> Status {
          QUANTUM_TRY(const Rows row, transaction.Query("INSERT INTO item (id) VALUES (1)"));
          QUANTUM_TRY(const Rows nap, transaction.Query("SELECT pg_sleep(10)"));
          return {};
        },
        {.timeout = 3s});
    EXPECT_LT(watch.elapsed(), 3s + kSlack);
    killer.join();
    ASSERT_FALSE(done.ok());
    // While Postgres is away PgBouncer holds a client for 3 s before it refuses: the time may run out first.
    EXPECT_THAT(done.error().code, ::testing::AnyOf(Errc::kUnavailable, Errc::kTimeout)) << done.error().message;
  });
  server().StartPostgres();
  WithPool([](Pool& pool) {
    EXPECT_TRUE(Recovers(pool, 30s));
    EXPECT_EQ(CountItems(pool), 0) << "COMMIT was never sent";
  });
}

TEST_F(FailureTest, APoolOutlivesARestartOfPostgres) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("INSERT INTO item (id) VALUES (1)"));
    server().KillPostgres();
    server().StartPostgres();
    EXPECT_TRUE(Recovers(pool, 30s));
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(FailureTest, WithPostgresAwayPgBouncerRefusesInTimeToKnowThatNothingWasDone) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("SELECT 1"));
    server().KillPostgres();
    const Stopwatch noticing;
    while (pool.Query("SELECT 1", {}, {.timeout = 1s, .idempotent = true}) && noticing.elapsed() < 30s) {
      fiber::SleepFor(20ms);
    }
    const Stopwatch watch;
    const auto done = pool.Query("INSERT INTO item (id) VALUES (1)");
    EXPECT_LT(watch.elapsed(), 5s + kSlack);
    ASSERT_FALSE(done);
    // The time may run out before the next try has sent anything.
    EXPECT_THAT(done.error().code, ::testing::AnyOf(Errc::kUnavailable, Errc::kTimeout)) << done.error().message;
  });
}

TEST_F(FailureTest, PgBouncerKilledIsUnavailableUntilItIsBack) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("SELECT 1"));
    server().KillPgBouncer();
    const auto done = pool.Query("INSERT INTO item (id) VALUES (1)");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::kUnavailable) << done.error().message;
  });
  server().StartPgBouncer();
  WithPool([](Pool& pool) { EXPECT_TRUE(Recovers(pool, 30s)); });
}

TEST_F(FailureTest, PgBouncerThatIsToldToStopFinishesTheTransactionThatIsUnderWay) {
  std::thread stop;
  WithPool([&](Pool& pool) {
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      QUANTUM_TRY(const Rows first, transaction.Query("INSERT INTO item (id) VALUES (1)"));
      stop = std::thread([] { server().DrainPgBouncer(); });
      QUANTUM_TRY(const Rows wait, transaction.Query("SELECT pg_sleep(1)"));
      QUANTUM_TRY(const Rows second, transaction.Query("INSERT INTO item (id) VALUES (2)"));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
  });
  stop.join();
  server().StartPgBouncer();
  WithPool([](Pool& pool) {
    EXPECT_TRUE(Recovers(pool, 30s));
    EXPECT_EQ(CountItems(pool), 2);
  });
}

TEST_F(FailureTest, AStatementWhoseClientIsGoneIsStoppedByTheServer) {
  ThroughGate([](Pool& pool, TcpGate& gate) {
    gate.CutAfterRequest("pg_sleep(30)");
    EXPECT_FALSE(pool.Query("SELECT pg_sleep(30)", {}, {.timeout = 20s}));
    const Stopwatch watch;
    int64_t running = 1;
    while (running != 0 && watch.elapsed() < 20s) {
      fiber::SleepFor(100ms);
      const auto rows = pool.Query(
          "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)%' AND state = 'active'");
      running = rows ? rows->Int(0, "n") : 1;
    }
    EXPECT_EQ(running, 0);
  });
}

}  // namespace
}  // namespace quantum::postgres
