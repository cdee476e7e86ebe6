#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "platform/metrics/names.h"
#include "tests/integration/bus/outbox_fixture.h"

// Events that share a transaction, and those that need none.
namespace quantum::bus {
namespace {

class OutboxTogetherTest : public OutboxFixture {
 protected:
  // The effect of an event; the transaction's id is noted when it has committed.
  static Status Insert(const Event& event, postgres::Transaction& transaction, std::set<std::string>& transactions) {
    QUANTUM_TRY(const auto row,
                transaction.Query("INSERT INTO effects VALUES ($1) RETURNING txid_current()::text AS id",
                                  {std::to_string(NumberOf(event))}));
    transaction.AfterCommit([&, id = std::string(row.Text(0, "id"))] { transactions.insert(id); });
    return {};
  }
};

TEST_F(OutboxTogetherTest, AnEventOfWhichNothingComesCostsNoTransaction) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    int followed = 0;
    bus.Subscribe({.types = {kPlaced},
                   .transactional =
                       [&](const Event& event, postgres::Transaction& transaction) {
                         if (NumberOf(event) % 2 == 0) {
                           transaction.Queue({"INSERT INTO effects VALUES ($1)", {std::to_string(NumberOf(event))}});
                         }
                         transaction.AfterCommit([&] { ++followed; });
                         return Status();
                       },
                   .at_once = true});
    ASSERT_TRUE(bus.Start().ok());
    for (int i = 1; i <= 6; ++i) {
      ASSERT_TRUE(bus.Publish(Make("K" + std::to_string(i), i), {.timeout = 10s}).ok());
    }
    EXPECT_TRUE(Eventually(20s, [&] { return followed == 6 && AllIsHandled(); }));
    EXPECT_EQ(Count(pool, "effects"), 3);
    EXPECT_EQ(Count(pool, "inbox"), 3);
    bus.Stop();
  });
}

TEST_F(OutboxTogetherTest, WhatWaitsOfAStreamIsAppliedInOneTransactionAndOneThatFailsHoldsBackOnlyItsKey) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    for (int failures : {0, 3}) {
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      const int first = failures == 0 ? 11 : 21;
      for (int i = first; i < first + 9; ++i) {
        ASSERT_TRUE(bus.Publish(Make("K" + std::to_string(i % 3), i), {.timeout = 10s}).ok());
      }
      std::vector<int> applied;
      std::set<std::string> transactions;
      bus.Subscribe({.types = {kPlaced},
                     .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
                       const int number = NumberOf(event);
                       QUANTUM_CHECK(Insert(event, transaction, transactions));
                       if (number == first + 1 && --failures >= 0) {
                         return Error{Errc::kInternal, "fails three times"};
                       }
                       Event answer = Make(event.key, number);
                       answer.type = kAnswered;
                       QUANTUM_CHECK(bus.PublishWithin(transaction, {answer}));
                       transaction.AfterCommit([&, number] { applied.push_back(number); });
                       return {};
                     },
                     .together = Together::kOfStream,
                     .at_once = true});
      ASSERT_TRUE(bus.Start().ok());
      ASSERT_TRUE(Eventually(20s, [&] { return AllIsHandled() && applied.size() == 9; }));
      if (first == 11) {
        EXPECT_EQ(applied, (std::vector<int>{11, 12, 13, 14, 15, 16, 17, 18, 19}));
        EXPECT_EQ(transactions.size(), 1u) << "all had come before the first was handled";
      } else {
        EXPECT_EQ(applied, (std::vector<int>{21, 23, 24, 26, 27, 29, 22, 25, 28}));
        EXPECT_EQ(transactions.size(), 4u) << "what came before it, what came after it, itself, the rest of its key";
      }
      EXPECT_TRUE(bus.Flush(10s).ok());
      bus.Stop();
    }
    EXPECT_EQ(Count(pool, "effects"), 18);
    EXPECT_EQ(Count(pool, "inbox"), 18);
    EXPECT_EQ(Count(pool, "outbox"), 18);
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
  });
}

TEST_F(OutboxTogetherTest, WhatWaitedForPostgresIsAppliedTogetherAfterAProbe) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::PoolOptions options = postgres_->ServiceOptions();
    options.statement_timeout = 300ms;
    postgres::Pool pool(loop, options);
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    for (int i = 1; i <= 9; ++i) {
      ASSERT_TRUE(bus.Publish(Make("K" + std::to_string(i), i), {.timeout = 10s}).ok());
    }
    std::set<std::string> transactions;
    bus.Subscribe({.types = {kPlaced},
                   .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
                     return Insert(event, transaction, transactions);
                   },
                   .together = Together::kOfStream,
                   .at_once = true});
    const metrics::Counter& failed =
        metrics::GetCounter(metrics::kDatabaseOperations, {{"operation", "transaction"}, {"status", "UNAVAILABLE"}});
    const double before = failed.value();
    postgres_->KillPgBouncer();
    ASSERT_TRUE(bus.Start().ok());
    EXPECT_TRUE(Eventually(20s, [&] { return failed.value() >= before + 3; }));
    postgres_->StartPgBouncer();
    EXPECT_TRUE(Eventually(30s, [&] { return AllIsHandled() && Count(pool, "effects") == 9; }));
    EXPECT_EQ(transactions.size(), 2u) << "the first event, and the rest";
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
    bus.Stop();
  });
}

TEST_F(OutboxTogetherTest, ARepeatAmongWhatWaitsOfAStreamCostsTheOthersNothing) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    std::set<std::string> transactions;
    int begun = 0;
    for (int life = 1; life <= 2; ++life) {  // the second knows of the first only by the inbox
      for (int i = 1; i <= 3 * life; ++i) {
        Append(i);
      }
      transactions.clear();
      begun = 0;
      Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
      bus.Subscribe({.types = {kPlaced},
                     .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
                       ++begun;
                       return Insert(event, transaction, transactions);
                     },
                     .together = Together::kOfStream,
                     .at_once = true});
      ASSERT_TRUE(bus.Start().ok());
      ASSERT_TRUE(Eventually(10s, [&] { return AllIsHandled() && Count(pool, "effects") == 3 * life; }));
      EXPECT_EQ(transactions.size(), 1u);
      EXPECT_EQ(begun, life == 1 ? 3 : 4) << "a try that meets a repeat, then the new ones";
      bus.Stop();
    }
    EXPECT_EQ(Count(pool, "inbox"), 6);
    EXPECT_EQ(AskMaster({"EXISTS", DeadLetterKey("order")}), "0");
  });
}

TEST_F(OutboxTogetherTest, WhatWaitsOfOneKeyIsAppliedInOneTransactionAndOneThatFailsHoldsBackOnlyItself) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
    std::map<std::string, std::vector<int>> applied;
    std::map<std::string, std::set<std::string>> transactions;
    bus.Subscribe({.types = {kPlaced},
                   .transactional = [&](const Event& event, postgres::Transaction& transaction) -> Status {
                     QUANTUM_CHECK(Insert(event, transaction, transactions[event.key]));
                     if (NumberOf(event) == 105) {
                       return Error{Errc::kInvalidArgument, "a poisoned event"};
                     }
                     transaction.AfterCommit(
                         [&, key = event.key, number = NumberOf(event)] { applied[key].push_back(number); });
                     return {};
                   },
                   .together = Together::kOfKey});
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
