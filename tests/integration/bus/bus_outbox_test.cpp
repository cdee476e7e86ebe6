#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "tests/integration/bus/outbox_fixture.h"

namespace quantum::bus {
namespace {

class OutboxTest : public OutboxFixture {};

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
    ASSERT_TRUE(pool.Query("DELETE FROM outbox WHERE sequence > 2").ok());
    ASSERT_TRUE(pool.Query("UPDATE outbox SET relayed_at = NULL").ok());  // sent, and not marked yet at that time
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    ASSERT_TRUE(publish(bus, 5).ok());
    ASSERT_TRUE(bus.Flush(20s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "6")
        << "with the old numbers it would pass for a repeat, and what was sent before is not sent again";
    bus.Stop();
  });
}

TEST_F(OutboxTest, AnEffectHappensOnceThoughItsEventStandsInTheStreamTwice) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
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
        Append(i);
      }
      ASSERT_TRUE(Eventually(10s, [&] { return AllIsHandled() && Count(pool, "effects") == 3; }));
      bus.Stop();
    }
    EXPECT_EQ(failures, -1) << "three effects and one failed try, rolled back";
    EXPECT_EQ(calls, calls_of_first_life);
    EXPECT_EQ(Count(pool, "inbox"), 3);
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
  });
}

TEST_F(OutboxTest, AnEffectHappensOnceThoughItsHandlerIsBegunForARepeat) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    int begun = 0;
    for (int life = 0; life < 2; ++life) {  // the second knows of the first only by the inbox
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      bus.Subscribe({.types = {kPlaced},
                     .transactional =
                         [&](const Event& event, postgres::Transaction& transaction) {
                           ++begun;
                           transaction.Queue({"INSERT INTO effects VALUES ($1)", {std::to_string(NumberOf(event))}});
                           return Status();
                         },
                     .at_once = true});
      ASSERT_TRUE(bus.Start().ok());
      for (int i = 1; i <= 3; ++i) {
        Append(i);
      }
      ASSERT_TRUE(Eventually(10s, [&] { return AllIsHandled() && Count(pool, "effects") == 3; }));
      bus.Stop();
    }
    EXPECT_EQ(begun, 6);
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

}  // namespace
}  // namespace quantum::bus
