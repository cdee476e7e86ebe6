#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "tests/integration/bus/outbox_fixture.h"

// Who gives a row of the outbox its number: the transaction that adds it, or the relay.
namespace quantum::bus {
namespace {

class OutboxNumbersTest : public OutboxFixture {};

// Three transactions of the same stream. The second finds the first at numbering and commits without a number; the
// third, of the same key as the second, could have one, and would overtake it.
TEST_F(OutboxNumbersTest, ALaterEventOfAKeyIsNotNumberedAheadOfOneThatWaitsForItsNumber) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    ASSERT_TRUE(pool.Query("INSERT INTO outbox_stream VALUES ('p', 'order', 'i', 0)").ok());
    const auto add = [](auto& database, const std::string& key, int number) {
      const auto added = database.Query(
          "SELECT outbox_add('p', true, jsonb_build_array(jsonb_build_object('family', 'order', 'event_id', "
          "gen_random_uuid(), 'type', 'order.placed', 'version', 1, 'source', 's', 'key', $1::text, 'cid', '', "
          "'cause', "
          "'', 'ts_ns', 1, 'payload', $2::text)))",
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

// The last transaction finds one of its streams busy: what it adds from there on waits, of the stream that is free
// too.
TEST_F(OutboxNumbersTest, EventsAddedTogetherAreNumberedUpToTheFirstWhoseStreamIsBusy) {
  quantum::testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, postgres_->ServiceOptions());
    ASSERT_TRUE(pool.Query("INSERT INTO outbox_stream VALUES ('p', 'order', 'i', 0), ('p', 'trade', 'j', 6)").ok());
    const auto add = [](auto& database, const std::string& families) {
      const auto added = database.Query(
          "SELECT string_agg(coalesce(o_incarnation || o_sequence, '-'), ' ') AS s FROM outbox_add('p', true, (SELECT "
          "jsonb_agg(jsonb_build_object('family', family, 'event_id', gen_random_uuid(), 'type', 't', 'version', 1, "
          "'source', 's', 'key', 'K', 'cid', '', 'cause', '', 'ts_ns', 1, 'payload', family)) FROM "
          "regexp_split_to_table($1, ' ') AS family))",
          {families});
      return added.ok() ? std::string(added->Text(0, "s")) : added.error().message;
    };
    EXPECT_EQ(add(pool, "trade order trade order"), "j7 i1 j8 i2");
    ASSERT_TRUE(pool.Transact([&](postgres::Transaction& transaction) -> Status {
                      EXPECT_EQ(add(transaction, "order"), "i3");
                      EXPECT_EQ(add(pool, "trade order trade"), "j9 - -");
                      return {};
                    })
                    .ok());
    const auto taken = pool.Query("SELECT string_agg(payload || sequence, ' ') AS s FROM outbox_take('p', 10)");
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    EXPECT_EQ(taken->Text(0, "s"), "order1 order2 order3 order4 trade7 trade8 trade9 trade10");
  });
}

// As after a restore: the database's next number is one that the broker has.
TEST_F(OutboxNumbersTest, NoNumberIsGivenBeforeTheRelayHasComparedWithTheBroker) {
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

TEST_F(OutboxNumbersTest, EventsOfAKeyKeepTheirOrderWhoeverNumbersThem) {
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
        QUANTUM_CHECK(bus.PublishWithin(transaction, {Make(key, number), Make(key, -number)}));
        QUANTUM_TRY(rows, transaction.Query("SELECT sequence IS NULL AS waits FROM outbox WHERE payload = $1",
                                            {Make(key, number).payload}));
        (rows.Bool(0, "waits") ? waited : at_once) += 1;
        fiber::SleepFor(pause);  // so that others meet its lock
        if (!goes) {
          return Error{Errc::kConflict, "rolled back"};
        }
        committed[key].insert(committed[key].end(), {number, -number});  // the key's lock is held
        return {};
      });
      EXPECT_EQ(done.ok(), goes);
    };
    int writing = kWriters;
    for (int writer = 0; writer < kWriters; ++writer) {
      loop.Spawn([&, writer] {
        for (int i = 0; i < kEach; ++i) {
          write(1 + writer * kEach + i);
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

}  // namespace
}  // namespace quantum::bus
