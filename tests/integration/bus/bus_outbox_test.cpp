#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "platform/bus/bus.h"
#include "platform/bus/codec.h"
#include "platform/metrics/names.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::PostgresServer;
using quantum::testing::RedisCluster;
using quantum::testing::fibers::Eventually;

constexpr const char* kPlaced = "order.placed";

class OutboxTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    cluster_ = std::make_unique<RedisCluster>();
    postgres_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() {
    cluster_.reset();
    postgres_.reset();
  }

  void SetUp() override {
    ASSERT_EQ(AskMaster({"FLUSHALL"}), "OK");
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool owner(loop, postgres_->OwnerOptions());
      for (const char* sql :
           {"TRUNCATE outbox, outbox_stream, inbox", "CREATE TABLE IF NOT EXISTS effects (number int PRIMARY KEY)",
            "TRUNCATE effects", "GRANT ALL ON effects TO quantum"}) {
        const auto done = owner.Query(sql);
        ASSERT_TRUE(done.ok()) << done.error().message;
      }
    });
  }

  static Event Make(std::string key, int number) {
    return {.type = kPlaced, .key = std::move(key), .payload = "{\"n\":" + std::to_string(number) + "}"};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }
  static std::string AskMaster(const std::vector<std::string>& command) {
    return cluster_->Ask(cluster_->AwaitMaster(), command);
  }
  static int64_t Count(postgres::Pool& pool, const std::string& what) {
    const auto rows = pool.Query("SELECT count(*) AS n FROM " + what);
    return rows.ok() ? rows->Int(0, "n") : -1;
  }

  // A process with a bus of its own, which runs body in a fiber until it is killed.
  static pid_t StartProcess(const std::function<void(postgres::Pool&, Bus&)>& body) {
    const pid_t child = fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      fiber::Loop loop("child");
      loop.Spawn([&] {
        redis::Client client(loop, cluster_->Options());
        postgres::Pool pool(loop, postgres_->ServiceOptions());
        Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
        body(pool, bus);
        _exit(3);
      });
      loop.Run();
      _exit(4);
    }
    return child;
  }
  static Status Commit(
      postgres::Pool& pool, Bus& bus, int first, const std::function<void()>& before_commit = [] {}) {
    return pool.Transact([&](postgres::Transaction& transaction) -> Status {
      QUANTUM_CHECK(bus.PublishWithin(transaction, {Make("K", first), Make("K", first + 1)}));
      QUANTUM_TRY(const auto sent, transaction.Query("SELECT"));
      before_commit();
      return {};
    });
  }
  static void ExpectKilled(pid_t process) {
    int status = 0;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself: " << status;
  }
  static int64_t Rows(const std::string& what) {
    int64_t count = -1;
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, postgres_->ServiceOptions());
      count = Count(pool, what);
    });
    return count;
  }
  // What a group is given once processes of the same name have come and relayed everything.
  static std::vector<int> RelayedBySuccessors() {
    std::vector<int> received;
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      redis::Client client(loop, cluster_->Options());
      postgres::Pool pool(loop, postgres_->ServiceOptions());
      for (int life = 0; life < 2; ++life) {
        Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
        bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                         received.push_back(NumberOf(event));
                         return Status();
                       }});
        EXPECT_TRUE(bus.Start().ok());
        EXPECT_TRUE(bus.Flush(20s).ok());
        EXPECT_TRUE(Eventually(20s, [&] {
          return AskMaster({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n0\n") != std::string::npos &&
                 AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
        }));
        bus.Stop();
      }
    });
    return received;
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
  static inline std::unique_ptr<PostgresServer> postgres_;
};

TEST_F(OutboxTest, PublishesWhatCommitsAndNothingThatRollsBack) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "execution-service", .group = "execution-service"});
    std::vector<int> received;
    std::string producer;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     received.push_back(NumberOf(event));
                     producer = event.producer;
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    for (int i = 0; i < 20; ++i) {
      const auto status = pool.Transact([&](postgres::Transaction& transaction) -> Status {
        QUANTUM_CHECK(bus.PublishWithin(transaction, {Make("K", 2 * i), Make("K", 2 * i + 1)}));
        return i % 2 == 0 ? Status() : Status(Error{Errc::kConflict, "rolled back"});
      });
      EXPECT_EQ(status.ok(), i % 2 == 0);
    }
    ASSERT_TRUE(bus.Flush(10s).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return received.size() >= 20; })) << received.size();
    std::vector<int> expected;
    for (int i = 0; i < 20; i += 2) {
      expected.push_back(2 * i);
      expected.push_back(2 * i + 1);
    }
    EXPECT_EQ(received, expected);
    EXPECT_EQ(producer, "execution-service.outbox");
    bus.Stop();
  });
}

TEST_F(OutboxTest, ARowThatCommitsLateIsRelayedThoughRowsWithHigherIdsWereRelayedBefore) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    fiber::Event inserted;
    fiber::Event release;
    fiber::Event committed;
    loop.Spawn([&] {
      const auto status = pool.Transact(
          [&](postgres::Transaction& transaction) -> Status {
            QUANTUM_CHECK(bus.PublishWithin(transaction, {Make("LATE", 1)}));
            QUANTUM_TRY(const auto sent, transaction.Query("SELECT"));
            inserted.Set();
            release.WaitFor(30s);
            return {};
          },
          {.timeout = 40s});
      EXPECT_TRUE(status.ok());
      committed.Set();
    });
    EXPECT_TRUE(inserted.WaitFor(10s));
    EXPECT_TRUE(pool.Transact([&](postgres::Transaction& transaction) {
                      return bus.PublishWithin(transaction, {Make("EARLY", 2)});
                    })
                    .ok());
    EXPECT_TRUE(Eventually(10s, [&] { return AskMaster({"XLEN", StreamKey("order")}) == "1"; }));
    release.Set();
    EXPECT_TRUE(committed.WaitFor(60s));
    EXPECT_TRUE(bus.Flush(10s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "2");
    bus.Stop();
  });
}

// Three transactions of the same stream. The second finds the first at numbering and commits without a number; the
// third, of the same key as the second, could have one, and would overtake it.
TEST_F(OutboxTest, ALaterEventOfAKeyIsNotNumberedAheadOfOneThatWaitsForItsNumber) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    ASSERT_TRUE(pool.Query("INSERT INTO outbox_stream VALUES ('p', 'order', 'i', 0)").ok());
    const auto add = [](auto& database, const std::string& key, int number) {
      const auto added = database.Query(
          "SELECT outbox_add('p', 'order', gen_random_uuid(), 'order.placed', 1, 's', $1, '', '', 1, $2, true)",
          {key, std::to_string(number)});
      ASSERT_TRUE(added.ok()) << added.error().message;
    };
    const auto sequences = [&] {
      const auto rows =
          pool.Query("SELECT string_agg(coalesce(sequence::text, '-'), ' ' ORDER BY id) AS s FROM outbox");
      return rows.ok() ? std::string(rows->Text(0, "s")) : rows.error().message;
    };
    ASSERT_TRUE(pool.Transact([&](postgres::Transaction& transaction) -> Status {
                      add(transaction, "OTHER", 1);
                      add(pool, "K", 2);
                      return {};
                    })
                    .ok());
    add(pool, "K", 3);
    EXPECT_EQ(sequences(), "1 - -");
    const auto taken = pool.Query("SELECT payload, sequence FROM outbox_take('p', 10)");
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    ASSERT_EQ(taken->size(), 3u);
    for (size_t row = 0; row < taken->size(); ++row) {
      EXPECT_EQ(taken->Int(row, "payload"), taken->Int(row, "sequence"));
    }
    add(pool, "K", 4);
    EXPECT_EQ(sequences(), "1 2 3 4");
  });
}

// As after a restore: the database's next number is one that the broker has.
TEST_F(OutboxTest, NoNumberIsGivenBeforeTheRelayHasComparedWithTheBroker) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    {
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      for (int i = 1; i <= 9; i += 2) {
        ASSERT_TRUE(Commit(pool, bus, i).ok());
        ASSERT_TRUE(bus.Flush(20s).ok());
      }
      bus.Stop();
    }
    ASSERT_TRUE(pool.Query("UPDATE outbox_stream SET last_sequence = 9").ok());
    ASSERT_TRUE(pool.Query("DELETE FROM outbox").ok());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g", .works_from_start = false});
    ASSERT_TRUE(Commit(pool, bus, 11).ok());  // as its number is the last that the broker has, comparing shows nothing
    EXPECT_EQ(Count(pool, "outbox WHERE sequence IS NULL"), 2);
    ASSERT_TRUE(bus.Start().ok());
    ASSERT_TRUE(bus.Flush(20s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "12");
    EXPECT_TRUE(pool.Transact([&](postgres::Transaction& transaction) -> Status {
                      QUANTUM_CHECK(bus.PublishWithin(transaction, {Make("K", 13)}));
                      QUANTUM_TRY(const auto rows, transaction.Query("SELECT FROM outbox WHERE sequence = 3"));
                      EXPECT_EQ(rows.size(), 1u) << "compared, so it is numbered where it is added";
                      return {};
                    })
                    .ok());
    bus.Stop();
  });
}

TEST_F(OutboxTest, EventsOfAKeyKeepTheirOrderWhoeverNumbersThem) {
  constexpr int kKeys = 3;
  constexpr int kWriters = 8;
  constexpr int kEach = 40;
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::PoolOptions options = postgres_->ServiceOptions();
    options.connections_max = kWriters;
    postgres::Pool pool(loop, options);
    SeededRandom random(seed);
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    std::map<std::string, std::vector<int>> received;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     received[event.key].push_back(NumberOf(event));
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    std::map<std::string, std::vector<int>> committed;
    int waited = 0;
    int at_once = 0;
    const auto write = [&](int number) {
      const std::string key = std::to_string(random.Below(kKeys));
      const Duration pause = std::chrono::microseconds(random.Below(3000));
      const bool goes = random.Below(5) != 0;
      const auto done = pool.Transact([&](postgres::Transaction& transaction) -> Status {
        QUANTUM_TRY(auto rows, transaction.Query("SELECT pg_advisory_xact_lock($1::bigint)", {key}));
        QUANTUM_CHECK(bus.PublishWithin(transaction, {Make(key, number)}));
        QUANTUM_TRY(rows, transaction.Query("SELECT sequence IS NULL AS waits FROM outbox WHERE payload = $1",
                                            {Make(key, number).payload}));
        (rows.Bool(0, "waits") ? waited : at_once) += 1;
        fiber::SleepFor(pause);  // so that others meet its lock
        if (!goes) {
          return Error{Errc::kConflict, "rolled back"};
        }
        committed[key].push_back(number);  // the key's lock is held
        return {};
      });
      EXPECT_EQ(done.ok(), goes);
    };
    int writing = kWriters;
    for (int writer = 0; writer < kWriters; ++writer) {
      loop.Spawn([&, writer] {
        for (int i = 0; i < kEach; ++i) {
          write(writer * kEach + i);
        }
        --writing;
      });
    }
    ASSERT_TRUE(Eventually(60s, [&] { return writing == 0; }));
    EXPECT_TRUE(bus.Flush(20s).ok());
    const auto count = [](const auto& lists) {
      size_t sum = 0;
      for (const auto& [key, list] : lists) {
        sum += list.size();
      }
      return sum;
    };
    EXPECT_TRUE(Eventually(20s, [&] { return count(received) >= count(committed); }));
    EXPECT_EQ(received, committed);
    EXPECT_GT(waited, 0);
    EXPECT_GT(at_once, 0);
    std::cout << at_once << " numbered where they were added, " << waited << " by the relay\n";
    bus.Stop();
  });
}

TEST_F(OutboxTest, ACrashBetweenAppendAndMarkDoublesNothing) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    {
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      ASSERT_TRUE(pool.Transact([&](postgres::Transaction& transaction) {
                        return bus.PublishWithin(transaction, {Make("K", 1), Make("K", 2)});
                      })
                      .ok());
      ASSERT_TRUE(bus.Flush(20s).ok());
      bus.Stop();
    }
    // As the crash leaves it: numbered and appended, not marked.
    ASSERT_TRUE(pool.Query("UPDATE outbox SET relayed_at = NULL").ok());
    Bus next(loop, client, &pool, {.producer = "p", .group = "g"});
    ASSERT_TRUE(pool.Transact([&](postgres::Transaction& transaction) {
                      return next.PublishWithin(transaction, {Make("K", 3)});
                    })
                    .ok());
    ASSERT_TRUE(next.Flush(20s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "3");
    EXPECT_EQ(Count(pool, "outbox WHERE relayed_at IS NULL"), 0);
    next.Stop();
  });
}

TEST_F(OutboxTest, AProcessThatIsKilledBeforeItsCommitPublishesNothing) {
  ExpectKilled(StartProcess([](postgres::Pool& pool, Bus& bus) {
    static_cast<void>(Commit(pool, bus, 1, [] { ::kill(::getpid(), SIGKILL); }));
  }));
  EXPECT_TRUE(
      quantum::testing::Eventually(20s, [] { return Rows("pg_stat_activity WHERE state LIKE 'idle in%'") == 0; }));
  EXPECT_EQ(Rows("outbox"), 0);
  EXPECT_TRUE(RelayedBySuccessors().empty());
}

// The relay runs in the thread that dies as soon as the commit has returned: it had no turn to send anything.
TEST_F(OutboxTest, WhatAProcessCommittedThatIsKilledBeforeItAppendsIsPublishedOnceByItsSuccessor) {
  ExpectKilled(StartProcess([](postgres::Pool& pool, Bus& bus) {
    if (Commit(pool, bus, 1).ok()) {
      ::kill(::getpid(), SIGKILL);
    }
  }));
  EXPECT_EQ(Rows("outbox WHERE relayed_at IS NULL"), 2);
  EXPECT_EQ(AskMaster({"EXISTS", StreamKey("order")}), "0");
  EXPECT_EQ(RelayedBySuccessors(), (std::vector<int>{1, 2}));
  EXPECT_EQ(Rows("outbox WHERE relayed_at IS NULL"), 0);
}

// The broker stands still when the rows are numbered and sent: it may find the append of the dead process in its socket
// when it goes on.
TEST_F(OutboxTest, WhatAProcessHadSentWhenItWasKilledIsPublishedOnceWhetherTheBrokerTookItOrNot) {
  int ready[2];
  int go[2];
  ASSERT_EQ(::pipe(ready) + ::pipe(go), 0);
  const pid_t process = StartProcess([&](postgres::Pool& pool, Bus& bus) {
    char byte = 'x';
    if (Commit(pool, bus, 1).ok() && bus.Flush(20s).ok() && ::write(ready[1], &byte, 1) == 1 &&
        ::read(go[0], &byte, 1) == 1 && Commit(pool, bus, 3).ok()) {
      fiber::Event().Wait();
    }
  });
  ::close(ready[1]);  // else the death of the process would not end the read
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    cluster_->PauseNode(node);
  }
  ASSERT_EQ(::write(go[1], &byte, 1), 1);
  EXPECT_TRUE(quantum::testing::Eventually(20s, [] {
    return Rows("outbox WHERE sequence IN (3, 4) AND relayed_at IS NULL") == 2;
  })) << "numbered";
  ::kill(process, SIGKILL);
  ExpectKilled(process);
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    cluster_->ResumeNode(node);
  }
  cluster_->AwaitHealthy();
  EXPECT_EQ(RelayedBySuccessors(), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "4");
  for (const int end : {ready[0], go[0], go[1]}) {
    ::close(end);
  }
}

TEST_F(OutboxTest, RowsThatWaitForTheBrokerAreWaitingEvents) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      cluster_->PauseNode(node);
    }
    EXPECT_EQ(bus.health().oldest_waiting, 0ns);
    EXPECT_TRUE(Commit(pool, bus, 1).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return bus.health().oldest_waiting > 0ns; }));
    EXPECT_TRUE(Eventually(20s, [&] { return bus.health().outbox_pending == 2; }));
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      cluster_->ResumeNode(node);
    }
    EXPECT_TRUE(Eventually(60s, [&] { return bus.health().oldest_waiting == 0ns; }));
    EXPECT_TRUE(Eventually(20s, [&] { return bus.health().outbox_pending == 0; }));
    bus.Stop();
  });
  cluster_->AwaitHealthy();
}

TEST_F(OutboxTest, RelaysAgainWhatTheNewMasterLacks) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    EXPECT_TRUE(Commit(pool, bus, 1).ok());
    EXPECT_TRUE(bus.Flush(20s).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return Count(pool, "outbox WHERE relayed_at IS NOT NULL") == 2; }));
    AskMaster({"FLUSHALL"});
    AskMaster({"CLIENT", "KILL", "TYPE", "normal", "USER", "service"});
    EXPECT_TRUE(Eventually(60s, [&] { return AskMaster({"XLEN", StreamKey("order")}) == "2"; }));
    bus.Stop();
  });
}

// Else a replica that lags and is promoted while the old master does not answer would lack them for good.
TEST_F(OutboxTest, RelayedRowsStayUntilTheMasterIsSeenToHoldThem) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    ManualClock clock;
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"}, clock);
    EXPECT_TRUE(Commit(pool, bus, 1).ok());
    EXPECT_TRUE(bus.Flush(20s).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return Count(pool, "outbox WHERE relayed_at IS NOT NULL") == 2; }));
    EXPECT_TRUE(pool.Query("UPDATE outbox SET relayed_at = now() - interval '1 minute'").ok());
    const size_t master = cluster_->AwaitMaster();
    cluster_->PauseNode(master);
    clock.Advance(1min);
    EXPECT_FALSE(client.Check(2s).ok());  // and the relay, which looks ten times a second, has no answer either
    EXPECT_EQ(Count(pool, "outbox"), 2);
    cluster_->ResumeNode(master);
    EXPECT_TRUE(Eventually(60s, [&] {
      clock.Advance(1min);
      return Count(pool, "outbox") == 0;
    }));
    bus.Stop();
  });
  cluster_->AwaitHealthy();
}

TEST_F(OutboxTest, NumbersAnewWhenTheDatabaseWasSetBack) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    const auto publish = [&](Bus& bus, int number) {
      return pool.Transact(
          [&](postgres::Transaction& transaction) { return bus.PublishWithin(transaction, {Make("K", number)}); });
    };
    {
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(publish(bus, i).ok());
      }
      ASSERT_TRUE(bus.Flush(20s).ok());
      bus.Stop();
    }
    ASSERT_TRUE(pool.Query("UPDATE outbox_stream SET last_sequence = 2").ok());
    ASSERT_TRUE(pool.Query("DELETE FROM outbox").ok());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    ASSERT_TRUE(publish(bus, 5).ok());
    ASSERT_TRUE(bus.Flush(20s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "6") << "with the old numbers it would pass for a repeat";
    bus.Stop();
  });
}

TEST_F(OutboxTest, AnEffectHappensOnceThoughItsEventStandsInTheStreamTwice) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    const auto append = [&](int number) {
      Event event = Make("K", number);
      event.id = "x";
      event.producer = event.source = "other";
      event.incarnation = "abc";
      event.sequence = static_cast<uint64_t>(number);
      event.timestamp_ns = 1;
      std::vector<std::string> command{"XADD", StreamKey("order"), "*"};
      const auto fields = EntryFields(event);
      command.insert(command.end(), fields.begin(), fields.end());
      AskMaster(command);
    };
    int calls = 0;
    int failures = 1;
    const auto subscribe = [&](Bus& bus) {
      bus.Subscribe(
          {.types = {kPlaced}, .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
             ++calls;
             QUANTUM_TRY(const auto rows,
                         transaction.Query("INSERT INTO effects VALUES ($1)", {std::to_string(NumberOf(event))}));
             if (NumberOf(event) == 2 && failures-- > 0) {
               return Error{Errc::kInternal, "after the insert"};
             }
             return {};
           }});
    };
    // In two lives, so that the second knows of the first only by the inbox.
    int calls_of_first_life = 0;
    for (int life = 0; life < 2; ++life) {
      calls_of_first_life = calls;
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      subscribe(bus);
      ASSERT_TRUE(bus.Start().ok());
      for (int i = 1; i <= 3; ++i) {
        append(i);
      }
      ASSERT_TRUE(Eventually(10s, [&] {
        return AskMaster({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n0\n") != std::string::npos &&
               AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n") &&
               Count(pool, "effects") == 3;
      }));
      bus.Stop();
    }
    EXPECT_EQ(failures, -1) << "three effects and one failed try, rolled back";
    EXPECT_EQ(calls, calls_of_first_life);
    EXPECT_EQ(Count(pool, "inbox"), 3);
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
  });
}

TEST_F(OutboxTest, EventsWaitWhilePostgresIsAwayAndNoneGoesToTheDeadLetters) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    bus.Subscribe(
        {.types = {kPlaced}, .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
           QUANTUM_TRY(const auto rows,
                       transaction.Query("INSERT INTO effects VALUES ($1)", {std::to_string(NumberOf(event))}));
           return {};
         }});
    ASSERT_TRUE(bus.Start().ok());
    postgres_->KillPostgres();
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(bus.Publish(Make("K" + std::to_string(i), i)).ok());
    }
    fiber::SleepFor(6s);
    postgres_->StartPostgres();
    EXPECT_TRUE(Eventually(30s, [&] { return Count(pool, "effects") == 5; }));
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
    bus.Stop();
  });
}

TEST_F(OutboxTest, WhatWaitsOfOneKeyIsAppliedInOneTransactionAndOneThatFailsHoldsBackOnlyItself) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    std::map<std::string, std::vector<int>> applied;
    std::map<std::string, std::set<std::string>> transactions;
    bus.Subscribe(
        {.types = {kPlaced},
         .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
           QUANTUM_TRY(const auto row,
                       transaction.Query("INSERT INTO effects VALUES ($1) RETURNING txid_current()::text AS number_of",
                                         {std::to_string(NumberOf(event))}));
           if (NumberOf(event) == 105) {
             return Error{Errc::kInvalidArgument, "a poisoned event"};
           }
           transaction.AfterCommit(
               [&, key = event.key, number = NumberOf(event), id = std::string(row.Text(0, "number_of"))] {
                 applied[key].push_back(number);
                 transactions[key].insert(id);
               });
           return {};
         },
         .together = true});
    for (int i = 1; i <= 10; ++i) {
      ASSERT_TRUE(bus.Publish(Make("GOOD", i), {.timeout = 10s}).ok());
      ASSERT_TRUE(bus.Publish(Make("BAD", 100 + i), {.timeout = 10s}).ok());
    }
    ASSERT_TRUE(bus.Start().ok());
    EXPECT_TRUE(Eventually(20s, [&] {
      return applied["GOOD"].size() == 10 && applied["BAD"].size() == 9 &&
             AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
    }));
    EXPECT_EQ(transactions["GOOD"].size(), 1u) << "all ten had come before the first was handled";
    EXPECT_EQ(applied["GOOD"], (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
    EXPECT_EQ(applied["BAD"], (std::vector<int>{101, 102, 103, 104, 106, 107, 108, 109, 110}));
    EXPECT_EQ(Count(pool, "effects"), 19);
    EXPECT_EQ(Count(pool, "inbox"), 19);
    EXPECT_EQ(AskMaster({"XLEN", DeadLetterKey("order")}), "1");
    bus.Stop();
  });
}

}  // namespace
}  // namespace quantum::bus
