// What the pool promises while all is well: types, atomicity, errors, deadlines, limits.

#include <map>
#include <string>

#include "platform/metrics/metrics.h"
#include "tests/integration/postgres/fixture.h"

namespace quantum::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class PoolTest : public PostgresTest {};

TEST_F(PoolTest, AQueryReturnsEveryTypeAndNullAsItIs) {
  WithPool([](Pool& pool) {
    const auto rows = pool.Query(
        "SELECT $1::bigint AS i, $2::numeric AS n, $3::text AS t, $4::boolean AS b, $5::double precision AS d, "
        "$6::text AS missing, '' AS blank",
        {"9223372036854775807", "0.10000000000000000001", "grün \"quoted\" \\ 100%", "true", "-1.5e10", std::nullopt});
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->Int(0, "i"), INT64_MAX);
    EXPECT_EQ(rows->Text(0, "n"), "0.10000000000000000001");
    EXPECT_EQ(rows->Text(0, "t"), "grün \"quoted\" \\ 100%");
    EXPECT_TRUE(rows->Bool(0, "b"));
    EXPECT_DOUBLE_EQ(rows->Double(0, "d"), -1.5e10);
    EXPECT_TRUE(rows->IsNull(0, "missing"));
    EXPECT_EQ(rows->Optional(0, "missing"), std::nullopt);
    EXPECT_EQ(rows->Optional(0, "blank"), "");
  });
}

TEST_F(PoolTest, RowsOutliveTheConnectionAndTellHowManyWereAffected) {
  Rows kept;
  WithPool([&](Pool& pool) {
    const auto inserted = pool.Query("INSERT INTO item SELECT g, 'n' || g FROM generate_series(1, 1000) g");
    ASSERT_TRUE(inserted) << inserted.error().message;
    EXPECT_EQ(inserted->affected(), 1000);
    auto rows = pool.Query("SELECT id, name FROM item ORDER BY id");
    ASSERT_TRUE(rows) << rows.error().message;
    kept = *rows;
  });
  ASSERT_EQ(kept.size(), 1000u);
  EXPECT_EQ(kept.Text(999, "name"), "n1000");
}

TEST_F(PoolTest, ABatchIsAllOrNothing) {
  WithPool([](Pool& pool) {
    const auto good = pool.Batch({{"INSERT INTO item (id) VALUES ($1)", {"1"}},
                                  {"INSERT INTO item (id) VALUES ($1)", {"2"}},
                                  {"SELECT count(*) AS n FROM item", {}}});
    ASSERT_TRUE(good) << good.error().message;
    ASSERT_EQ(good->size(), 3u);
    EXPECT_EQ((*good)[2].Int(0, "n"), 2);

    const auto bad = pool.Batch({{"INSERT INTO item (id) VALUES ($1)", {"3"}},
                                 {"INSERT INTO item (id) VALUES ($1)", {"1"}},
                                 {"INSERT INTO item (id) VALUES ($1)", {"4"}}});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, Errc::kConflict);
    EXPECT_EQ(CountItems(pool), 2);
  });
}

TEST_F(PoolTest, ABatchOfThousandsOfStatementsAndMegabytesPassesInOnePipeline) {
  WithPool([](Pool& pool) {
    std::vector<Statement> statements;
    const std::string text(2000, 'x');
    for (int i = 0; i < 3000; ++i) {
      statements.push_back({"INSERT INTO item (id, name) VALUES ($1, $2) RETURNING name", {std::to_string(i), text}});
    }
    const auto done = pool.Batch(std::move(statements), {.timeout = 30s});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->back().Text(0, "name"), text);
    EXPECT_EQ(CountItems(pool), 3000);
  });
}

TEST_F(PoolTest, ErrorsCarryTheSqlstateAndNotTheRowsValues) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("INSERT INTO item (id, name) VALUES (1, 'secret-value')"));
    const auto unique = pool.Query("INSERT INTO item (id, name) VALUES ($1, $2)", {"1", "secret-value"});
    ASSERT_FALSE(unique);
    EXPECT_EQ(unique.error().code, Errc::kConflict);
    EXPECT_THAT(unique.error().message, StartsWith("23505 duplicate key"));
    EXPECT_THAT(unique.error().message, Not(HasSubstr("secret-value")));

    const auto number = pool.Query("SELECT $1::bigint", {"abc"});
    EXPECT_EQ(number.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(number.error().message, StartsWith("22P02 "));
    EXPECT_EQ(pool.Query("SELECT $1", {std::string("a\0b", 3)}).error().code, Errc::kInvalidArgument);
    EXPECT_EQ(pool.Query("SELEKT 1").error().code, Errc::kInternal);
    EXPECT_EQ(pool.Query("CREATE TABLE mine ()").error().code, Errc::kPermission) << "services own no tables";
    EXPECT_TRUE(pool.Query("SELECT 1")) << "the connection survives errors";
    EXPECT_EQ(pool.Check(10s)->connections, 1u);
  });
}

TEST_F(PoolTest, ClosedItFinishesWhatIsUnderWayTakesNothingMoreAndLeavesTheServer) {
  InFiber([](fiber::Loop& loop) {
    Pool watcher(loop, server().OwnerOptions());
    PoolOptions options = server().OwnerOptions();
    options.connections_max = 2;
    Pool pool(loop, options);
    const auto others = [](const Result<Rows>& rows) { return rows.ok() ? rows->Int(0, "n") : -1; };
    const std::string count_others =
        "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()";
    std::map<std::string, Status> ends;
    fiber::Event all;
    const auto ask = [&](const std::string& name, const std::string& sql) {
      loop.Spawn([&, name, sql] {
        const auto rows = pool.Query(sql, {}, {.timeout = 60s});
        ends.emplace(name, rows.ok() ? Status() : Status(rows.error()));
        if (ends.size() == 3) {
          all.Set();
        }
      });
    };
    const Status held = watcher.Transact(
        [&](Transaction& transaction) -> Status {
          QUANTUM_TRY(const Rows lock, transaction.Query("SELECT pg_advisory_xact_lock(7)::text"));
          ask("under way", "SELECT pg_advisory_xact_lock_shared(7)::text");
          ask("under way too", "SELECT pg_advisory_xact_lock_shared(7)::text");
          ask("waiting", "SELECT 1");  // has no connection: both wait for the lock
          int64_t waiting = 0;
          while (waiting < 2) {
            QUANTUM_TRY(const Rows rows, transaction.Query("SELECT count(*) AS n FROM pg_locks WHERE locktype = "
                                                           "'advisory' AND NOT granted"));
            waiting = rows.Int(0, "n");
          }
          pool.Close();
          EXPECT_EQ(pool.Query("SELECT 1").error().code, Errc::kCancelled);
          EXPECT_EQ(others(transaction.Query(count_others)), 2);
          return {};
        },
        {.timeout = 60s});
    ASSERT_TRUE(held.ok()) << held.error().message;
    ASSERT_TRUE(all.WaitFor(60s));
    EXPECT_TRUE(ends.at("under way").ok() && ends.at("under way too").ok());
    ASSERT_FALSE(ends.at("waiting").ok());
    EXPECT_EQ(ends.at("waiting").error().code, Errc::kCancelled);
    EXPECT_THAT(ends.at("waiting").error().message, HasSubstr("the pool is closed"));
    int64_t left = -1;
    for (const auto until = SystemClock().Steady() + 20s; left != 0 && SystemClock().Steady() < until;) {
      left = others(watcher.Query(count_others));
    }
    EXPECT_EQ(left, 0);
  });
}

TEST_F(PoolTest, ATransactionCommitsWhatItsBodyDid) {
  WithPool([](Pool& pool) {
    const Status done = pool.Transact([](Transaction& transaction) -> Status {
      QUANTUM_TRY(const Rows one, transaction.Query("INSERT INTO item (id) VALUES (1) RETURNING id"));
      EXPECT_EQ(one.Int(0, "id"), 1);
      QUANTUM_TRY(const auto more, transaction.Batch({{"INSERT INTO item (id) VALUES ($1)", {"2"}},
                                                      {"SELECT count(*) AS n FROM item", {}}}));
      EXPECT_EQ(more[1].Int(0, "n"), 2);
      return {};
    });
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(CountItems(pool), 2);
  });
}

TEST_F(PoolTest, WhatIsQueuedGoesAheadOfTheNextStatementOrWithTheCommit) {
  WithPool([](Pool& pool) {
    std::string told;
    const auto insert = [](int id) {
      return Statement{"INSERT INTO item (id) VALUES ($1) RETURNING id", {std::to_string(id)}};
    };
    const auto tell = [&told](const Rows& rows) { told += std::string(rows.Text(0, "id")) + " "; };
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      transaction.Queue(insert(1), tell);
      EXPECT_EQ(told, "");
      QUANTUM_TRY(const Rows rows, transaction.Query("SELECT count(*) AS n FROM item"));
      EXPECT_EQ(rows.size(), 1u);
      EXPECT_EQ(rows.Int(0, "n"), 1);
      EXPECT_EQ(told, "1 ");
      transaction.Queue(insert(2), tell);
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(told, "1 2 ");
    const Status alone = pool.Transact([&](Transaction& transaction) {
      transaction.Queue(insert(3));
      return Status();
    });
    EXPECT_TRUE(alone.ok()) << alone.error().message;
    EXPECT_EQ(CountItems(pool), 3);
  });
}

TEST_F(PoolTest, AGuardTravelsWithWhatFollowsItAndIsWorthNoCommitAlone) {
  WithPool([](Pool& pool) {
    int committed = 0;
    const auto transact = [&](auto&& rest) {
      return pool.Transact([&](Transaction& transaction) -> Status {
        transaction.Guard({"INSERT INTO item (id) VALUES (1)", {}});
        transaction.AfterCommit([&] { ++committed; });
        return rest(transaction);
      });
    };
    EXPECT_TRUE(transact([](Transaction&) { return Status(); }).ok());
    EXPECT_EQ(committed, 1) << "nothing was to be done, and that is done";
    EXPECT_EQ(CountItems(pool), 0);
    const auto queue = [](int id) {
      return [id](Transaction& transaction) {
        transaction.Queue({"INSERT INTO item (id) VALUES ($1)", {std::to_string(id)}});
        return Status();
      };
    };
    EXPECT_TRUE(transact(queue(2)).ok());
    EXPECT_EQ(CountItems(pool), 2);
    EXPECT_EQ(transact(queue(3)).error().code, Errc::kConflict) << "the guard's row is there";
    const auto ask = [](Transaction& transaction) -> Status {
      QUANTUM_TRY(const Rows rows, transaction.Query("SELECT 1"));
      return rows.size() == 1 ? Status() : Status(Error{Errc::kInternal, "no row"});
    };
    EXPECT_EQ(transact(ask).error().code, Errc::kConflict);
    EXPECT_EQ(committed, 2);
    EXPECT_EQ(CountItems(pool), 2);
  });
}

TEST_F(PoolTest, AQueuedStatementThatFailsFailsWhatItTravelsWith) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("INSERT INTO item (id) VALUES (1)").ok());
    const auto begin = [](Transaction& transaction) {
      transaction.Queue({"INSERT INTO item (id) VALUES (2)", {}});
      transaction.Queue({"INSERT INTO item (id) VALUES (1)", {}});
    };
    bool committed = false;
    const Status with_commit = pool.Transact([&](Transaction& transaction) {
      begin(transaction);
      transaction.AfterCommit([&] { committed = true; });
      return Status();
    });
    EXPECT_EQ(with_commit.error().code, Errc::kConflict);
    const Status with_next = pool.Transact([&](Transaction& transaction) -> Status {
      begin(transaction);
      transaction.AfterCommit([&] { committed = true; });
      EXPECT_FALSE(transaction.Query("SELECT 1").ok());
      return {};  // a body that overlooks it
    });
    EXPECT_EQ(with_next.error().code, Errc::kConflict);
    const Status dropped = pool.Transact([&](Transaction& transaction) -> Status {
      transaction.Queue({"INSERT INTO item (id) VALUES (3)", {}});
      return Error{Errc::kCancelled, "the body's"};
    });
    EXPECT_EQ(dropped.error().code, Errc::kCancelled);
    EXPECT_FALSE(committed);
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(PoolTest, ATransactionRollsBackWhenItsBodyReturnsAnError) {
  WithPool([](Pool& pool) {
    int runs = 0;
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      ++runs;
      QUANTUM_TRY(const Rows one, transaction.Query("INSERT INTO item (id) VALUES (1)"));
      return Error{Errc::kNotFound, "the body changed its mind"};
    });
    EXPECT_EQ(done.error().code, Errc::kNotFound);
    EXPECT_EQ(done.error().message, "the body changed its mind");
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(CountItems(pool), 0);
    EXPECT_EQ(pool.Check(10s)->connections, 1u) << "the connection was rolled back and kept";
  });
}

TEST_F(PoolTest, ABodyThatIgnoresAFailedStatementDoesNotCommit) {
  WithPool([](Pool& pool) {
    const Status done = pool.Transact([](Transaction& transaction) -> Status {
      QUANTUM_TRY(const Rows one, transaction.Query("INSERT INTO item (id) VALUES (1)"));
      EXPECT_FALSE(transaction.Query("INSERT INTO item (id) VALUES (1)"));
      return {};
    });
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().message, StartsWith("23505 "));
    EXPECT_EQ(CountItems(pool), 0);
  });
}

TEST_F(PoolTest, ASavepointMakesAFailedStatementGood) {
  WithPool([](Pool& pool) {
    const Status done = pool.Transact([](Transaction& transaction) -> Status {
      QUANTUM_TRY(const auto one,
                  transaction.Batch({{"INSERT INTO item (id) VALUES (1)", {}}, {"SAVEPOINT here", {}}}));
      EXPECT_FALSE(transaction.Query("INSERT INTO item (id) VALUES (1)"));
      QUANTUM_TRY(const Rows back, transaction.Query("ROLLBACK TO SAVEPOINT here"));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(CountItems(pool), 1);
  });
}

TEST_F(PoolTest, ABodyMayNotEndTheTransactionItself) {
  WithPool([](Pool& pool) {
    const Status done = pool.Transact([](Transaction& transaction) -> Status {
      QUANTUM_TRY(const Rows end, transaction.Query("COMMIT"));
      return {};
    });
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().message, StartsWith("25000 "));
  });
}

TEST_F(PoolTest, ASerializationFailureRunsTheBodyAgain) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("INSERT INTO item (id, amount) VALUES (1, 10)"));
    int runs = 0;
    const Status done = pool.Transact([&](Transaction& transaction) -> Status {
      ++runs;
      QUANTUM_TRY(const auto read, transaction.Batch({{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", {}},
                                                      {"SELECT amount FROM item WHERE id = 1", {}}}));
      if (runs == 1) {  // somebody else is faster
        EXPECT_TRUE(pool.Query("UPDATE item SET amount = amount + 5 WHERE id = 1"));
      }
      QUANTUM_TRY(const Rows write, transaction.Query("UPDATE item SET amount = $1::numeric + 1 WHERE id = 1",
                                                      {std::string(read[1].Text(0, "amount"))}));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(pool.Query("SELECT amount FROM item")->Text(0, "amount"), "16") << "neither update is lost";
  });
}

TEST_F(PoolTest, ADeadlineEndsTheStatementOnTheServerAndThePoolStaysUsable) {
  WithPool([](Pool& pool) {
    const Stopwatch watch;
    // The server ends it 50 ms early, and its word must reach us in that time: else the outcome is unknown and the
    // connection is given up.
    const auto slow = pool.Query("SELECT pg_sleep(10)", {}, {.timeout = 3s});
    EXPECT_LT(watch.elapsed(), 3s + kSlack) << "far less than the nap";
    ASSERT_FALSE(slow);
    EXPECT_THAT(slow.error().code, ::testing::AnyOf(Errc::kTimeout, Errc::kUnknownOutcome)) << slow.error().message;
    EXPECT_TRUE(WaitFor(5s, [&] {
      const auto running = pool.Query(
          "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(10)%' AND pid <> pg_backend_pid() "
          "AND "
          "state = 'active'");
      return running && running->Int(0, "n") == 0;
    })) << "it still runs on the server";
    const auto health = pool.Check(5s);
    ASSERT_TRUE(health) << health.error().message;
    EXPECT_EQ(health->connections, 1u);
  });
}

TEST_F(PoolTest, ATransactionsDeadlineCountsFromItsBeginning) {
  WithPool([](Pool& pool) {
    ASSERT_TRUE(pool.Query("SELECT 1"));  // connected: all of the time is the transaction's
    const Stopwatch watch;
    const Status done = pool.Transact(
        [](Transaction& transaction) -> Status {
          for (int i = 0; i < 100; ++i) {
            QUANTUM_TRY(const Rows nap, transaction.Query("SELECT pg_sleep(0.1)"));
          }
          return {};
        },
        {.timeout = 2s});
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Errc::kTimeout) << done.error().message;
    EXPECT_LT(watch.elapsed(), 2s + kSlack) << "far less than the naps together";
    EXPECT_TRUE(pool.Query("SELECT 1"));
  });
}

TEST_F(PoolTest, WaitersAreServedInTurnBoundedInNumberAndBoundedInTime) {
  InFiber([](fiber::Loop& loop) {
    PoolOptions options = server().ServiceOptions();
    options.connections_max = 1;
    options.waiters_max = 3;
    Pool pool(loop, options);
    std::vector<int> order;
    std::vector<Errc> refused;
    fiber::Gate gate;
    for (int i = 0; i < 6; ++i) {
      loop.Spawn([&, i, pass = std::make_shared<fiber::Gate::Pass>(*gate.Enter())] {
        // The third waiter gives up early: its deadline includes the waiting.
        const auto done = pool.Query("SELECT pg_sleep(0.2)", {}, {.timeout = i == 3 ? 100ms : 5000ms});
        done ? order.push_back(i) : refused.push_back(done.error().code);
      });
      fiber::YieldNow();
    }
    gate.Close();
    ASSERT_TRUE(gate.WaitEmptyFor(10s));
    EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2));
    EXPECT_THAT(refused, ::testing::ElementsAre(Errc::kExhausted, Errc::kExhausted, Errc::kUnavailable));
    EXPECT_EQ(pool.Check(10s)->waiting, 0u);
  });
}

TEST_F(PoolTest, HundredsOfFibersShareFewConnections) {
  InFiber([](fiber::Loop& loop) {
    Pool pool(loop, server().ServiceOptions());
    fiber::Gate gate;
    int done = 0;
    for (int i = 0; i < 200; ++i) {
      loop.Spawn([&, i, pass = std::make_shared<fiber::Gate::Pass>(*gate.Enter())] {
        done += pool.Query("INSERT INTO item (id) VALUES ($1)", {std::to_string(i)}).ok() ? 1 : 0;
      });
    }
    gate.Close();
    ASSERT_TRUE(gate.WaitEmptyFor(20s));
    EXPECT_EQ(done, 200);
    EXPECT_EQ(CountItems(pool), 200);
    EXPECT_LE(pool.Check(10s)->connections, 4u);
  });
}

TEST_F(PoolTest, AWrongPasswordIsAPermissionErrorAndNotRetried) {
  WithPool(
      [](Pool& pool) {
        const auto done = pool.Query("SELECT 1");
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, Errc::kPermission) << done.error().message;
        EXPECT_THAT(done.error().message, Not(HasSubstr("a-wrong-password")));
      },
      [](PoolOptions& options) { options.password = "a-wrong-password"; });
}

// The value of a series in the text of a scrape; 0 when it does not stand there yet.
double Value(const std::string& text, const std::string& series) {
  const size_t at = text.find(series + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size()));
}

TEST_F(PoolTest, EveryOperationIsCountedOnceWithItsOutcome) {
  const std::string before = metrics::Scrape();
  WithPool([](Pool& pool) {
    EXPECT_TRUE(pool.Query("SELECT 1"));
    EXPECT_TRUE(pool.Query("SELECT 1"));
    EXPECT_EQ(pool.Query("SELEKT 1").error().code, Errc::kInternal);
  });
  const std::string after = metrics::Scrape();
  const auto growth = [&](const std::string& series) { return Value(after, series) - Value(before, series); };
  const std::string failed = "{operation=\"query\",status=\"" + std::string(ToString(Errc::kInternal)) + "\"}";
  EXPECT_EQ(growth("database_operations_total{operation=\"query\",status=\"ok\"}"), 2);
  EXPECT_EQ(growth("database_operations_total" + failed), 1);
  EXPECT_EQ(growth("database_operations_total{operation=\"connect\",status=\"ok\"}"), 1);
  EXPECT_EQ(growth("database_operation_duration_seconds_count{operation=\"query\",status=\"ok\"}"), 2);
  EXPECT_EQ(growth("database_operation_duration_seconds_count" + failed), 1);
}

}  // namespace
}  // namespace quantum::postgres
