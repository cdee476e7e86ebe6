// The move from SQLite against a real Postgres: nothing lost, nothing twice, whatever ends it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "tests/support/postgres_server.h"
#include "tests/support/run_in_fiber.h"
#include "tests/support/temporary_directory.h"
#include "trading/tradestore/compare.h"
#include "trading/tradestore/legacy_generator.h"
#include "trading/tradestore/migrate.h"
#include "trading/tradestore/mirror.h"

namespace quantum::tradestore {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kNewTrade =
    "INSERT INTO trades (trade_id, symbol, side, status, quantity, leverage, entry_price, confidence, created_at, "
    "updated_at) SELECT $1 || i, 'BTCUSDT', 'LONG', 'OPEN', 0.001 * i, 3, 60000.1 + i, 0.7, now(), now() FROM "
    "generate_series(1, $2::int) i";

class TradeStores : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new quantum::testing::PostgresServer(); }
  static void TearDownTestSuite() { delete std::exchange(server_, nullptr); }

  void SetUp() override {
    Run([&](postgres::Pool& pool) {
      ASSERT_TRUE(pool.Query("ALTER TABLE trades DISABLE TRIGGER tradestore_dual_write").ok());
      ASSERT_TRUE(pool.Query("TRUNCATE trades, tradestore, tradestore_aside, tradestore_queue").ok());
    });
  }

  static void Run(const std::function<void(postgres::Pool&)>& body) {
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, server_->OwnerOptions());
      body(pool);
    });
  }

  std::string Source() const { return (directory_.path() / "old.db").string(); }
  std::string Path() const { return (directory_.path() / "trades.db").string(); }

  LegacyCounts Generate(const LegacyOptions& options) const {
    const auto counts = WriteLegacyFile(Source(), options);
    EXPECT_TRUE(counts.ok()) << counts.error().message;
    return *counts;
  }

  // As `tradestore migrate` does it, up to the copy of the rows.
  Status Begin(postgres::Pool& pool) const {
    QUANTUM_CHECK(CopyFile::Make(Source(), Path(), [](int64_t, int64_t) {}));
    QUANTUM_TRY(LegacyFile file, LegacyFile::Open(Path()));
    State state;
    state.source = Source();
    state.file = Path();
    state.precisions = LegacyPrecisions();
    QUANTUM_TRY(state.last_legacy_rowid, file.LastRowid());
    state.copied_rowid = kBeforeTheFirst;
    state.started = SystemClock().Now();
    QUANTUM_TRY(const State before, ReadState(pool));
    return BeginCopy(pool, state, before);
  }
  Status GoOn(
      postgres::Pool& pool, const OnRows& on_rows = [](int64_t, int64_t) {}) const {
    QUANTUM_TRY(const State state, ReadState(pool));
    QUANTUM_TRY(CopyFile file, CopyFile::Open(Path(), state.last_legacy_rowid));
    return CopyRows(pool, file, state, on_rows);
  }
  Status Migrate(postgres::Pool& pool) const {
    QUANTUM_CHECK(Begin(pool));
    QUANTUM_CHECK(GoOn(pool));
    return BeginDual(pool, SystemClock().Now());
  }
  Status MirrorAll(postgres::Pool& pool) const {
    QUANTUM_TRY(const State state, ReadState(pool));
    QUANTUM_TRY(CopyFile file, CopyFile::Open(Path(), state.last_legacy_rowid));
    while (true) {
      QUANTUM_TRY(const size_t some, MirrorSome(pool, file));
      if (some == 0) {
        return {};
      }
    }
  }
  std::vector<std::string> Differences(postgres::Pool& pool) const {
    const auto state = ReadState(pool);
    auto file = CopyFile::Open(Path(), state->last_legacy_rowid);
    EXPECT_TRUE(file.ok() && state.ok());
    const auto compared = Compare(
        pool, *file, *state, 0s, [](int64_t, int64_t) { return true; }, SystemClock());
    EXPECT_TRUE(compared.ok()) << compared.error().message;
    EXPECT_EQ(compared->examples.size(), compared->differences);
    return compared->examples;
  }
  Status InTheFile(const std::string& sql) const { return InTheFile(sql, Path()); }
  static Status InTheFile(const std::string& sql, const std::string& path) {
    QUANTUM_TRY(sqlite::Database database, sqlite::Database::Open(path, sqlite::Database::Access::kWrite));
    return database.Run(sql);
  }
  static int64_t One(postgres::Pool& pool, const std::string& sql) {
    const auto rows = pool.Query("SELECT (" + sql + ")::bigint AS value", {}, {.idempotent = true});
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    return rows.ok() ? rows->Int(0, "value") : -1;
  }

  static quantum::testing::PostgresServer* server_;
  quantum::testing::TemporaryDirectory directory_{"tradestore"};
};
quantum::testing::PostgresServer* TradeStores::server_ = nullptr;

TEST_F(TradeStores, EveryRowOfTheFileIsATradeARepeatOrAside) {
  const LegacyCounts counts = Generate({.rows = 12'000, .seed = 5, .broken_every = 97, .repeated_every = 501});
  Run([&](postgres::Pool& pool) {
    const Status migrated = Migrate(pool);
    ASSERT_TRUE(migrated.ok()) << migrated.error().message;
    const auto state = ReadState(pool);
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(state->good, counts.good);
    EXPECT_EQ(state->repeated, counts.repeated);
    EXPECT_EQ(state->odd, counts.odd);
    EXPECT_EQ(One(pool, "SELECT count(*) FROM trades"), counts.good);
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_aside"), counts.odd);
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_aside WHERE cells->>'created_at' IS NULL"), 0);
    EXPECT_EQ(One(pool,
                  "SELECT count(*) FROM trades WHERE quantity % (CASE symbol WHEN 'XRPUSDT' THEN 0.1 ELSE 0.001 "
                  "END) <> 0 OR entry_price % (CASE symbol WHEN 'BTCUSDT' THEN 0.1 WHEN 'ETHUSDT' THEN 0.01 ELSE "
                  "0.0001 END) <> 0"),
              0);
    EXPECT_THAT(Differences(pool), IsEmpty());
  });
}

// The server dies at any page; what was acknowledged is there once, and the rest follows.
TEST_F(TradeStores, AMigrationThatWasKilledGoesOnWhereItWas) {
  const LegacyCounts counts = Generate({.rows = 22'000, .seed = 6, .broken_every = 211, .repeated_every = 333});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(Begin(pool).ok());
    int kills = 0;
    Status done;
    for (int attempt = 0; attempt < 10; ++attempt) {
      int64_t pages = 0;
      done = GoOn(pool, [&](int64_t, int64_t) {
        if (++pages == 2) {
          server_->KillPostgres();
          ++kills;
        }
      });
      server_->StartPostgres();
      if (done.ok()) {
        break;
      }
    }
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_GE(kills, 2);
    ASSERT_TRUE(BeginDual(pool, SystemClock().Now()).ok());
    const auto state = ReadState(pool);
    EXPECT_EQ(state->good, counts.good);
    EXPECT_EQ(state->repeated, counts.repeated);
    EXPECT_EQ(state->odd, counts.odd);
    EXPECT_THAT(Differences(pool), IsEmpty());
  });
}

TEST_F(TradeStores, TwoMigrationsAtOnceDoNotCountTwice) {
  Generate({.rows = 6'000});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(Begin(pool).ok());
    const auto stale = ReadState(pool);
    ASSERT_TRUE(GoOn(pool).ok());
    auto file = CopyFile::Open(Path(), stale->last_legacy_rowid);
    const Status second = CopyRows(pool, *file, *stale, [](int64_t, int64_t) {});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Errc::kConflict);
    EXPECT_EQ(ReadState(pool)->good, 6'000);
  });
}

TEST_F(TradeStores, ARowThatPostgresRefusesIsPutAsideAndCostsNoOther) {
  Generate({.rows = 3'000});
  std::string endless;  // does not fit into an index
  SeededRandom random(7);
  for (int i = 0; i < 2'000; ++i) {
    endless += fmt::format("{:08x}", random.Below(0xffffffff));
  }
  {
    auto database = sqlite::Database::Open(Source(), sqlite::Database::Access::kWrite);
    ASSERT_TRUE(database->Run(fmt::format("UPDATE trades SET trade_id = '{}' WHERE rowid = 1234", endless)).ok());
  }
  Run([&](postgres::Pool& pool) {
    const Status migrated = Migrate(pool);
    ASSERT_TRUE(migrated.ok()) << migrated.error().message;
    EXPECT_EQ(One(pool, "SELECT count(*) FROM trades"), 2'999);
    EXPECT_EQ(One(pool, "SELECT rowid FROM tradestore_aside WHERE reasons[1] LIKE 'Postgres refuses it: 54000%'"),
              1234);
    EXPECT_THAT(Differences(pool), IsEmpty());
  });
}

TEST_F(TradeStores, AfterARollbackItCanBeDoneAgainAndNothingIsThereTwice) {
  const LegacyCounts counts = Generate({.rows = 4'000, .broken_every = 50});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(Migrate(pool).ok());
    EXPECT_EQ(Begin(pool).error().code, Errc::kConflict) << "one is under way";
    ASSERT_TRUE(End(pool, Phase::kRolledBack, "elsewhere", SystemClock().Now()).ok());
    {
      auto database = sqlite::Database::Open(Source(), sqlite::Database::Access::kWrite);
      ASSERT_TRUE(database->Run("UPDATE trades SET pnl_usd = 17 WHERE rowid = 1").ok());
    }
    ASSERT_TRUE(Migrate(pool).ok());
    const auto state = ReadState(pool);
    EXPECT_EQ(state->good, 0);
    EXPECT_EQ(state->repeated, counts.good - 1);
    EXPECT_EQ(state->odd, counts.odd + 1);
    EXPECT_EQ(One(pool, "SELECT count(*) FROM trades"), counts.good);
    EXPECT_EQ(One(pool, "SELECT rowid FROM tradestore_aside WHERE reasons[1] LIKE '%stands in Postgres with other%'"),
              1);
    EXPECT_THAT(Differences(pool), IsEmpty());
  });
}

// What a row has that Postgres has no column for is part of it, on its own page of rows and on a later one.
TEST_F(TradeStores, RowsThatDifferInMetadataOrInColumnsOfTheirOwnAreNoRepeats) {
  Generate({.rows = 6'000});
  ASSERT_TRUE(InTheFile("INSERT INTO trades SELECT * FROM trades WHERE rowid IN (1, 2, 3, 5998, 5999, 6000);"
                        "UPDATE trades SET legacy_tag = 'y' WHERE rowid IN (6002, 6005);"
                        "UPDATE trades SET metadata = '{\"note\":\"new\"}' WHERE rowid IN (6003, 6006)",
                        Source())
                  .ok());
  Run([&](postgres::Pool& pool) {
    const Status migrated = Migrate(pool);
    ASSERT_TRUE(migrated.ok()) << migrated.error().message;
    EXPECT_EQ(ReadState(pool)->repeated, 2);
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_aside WHERE rowid IN (6002, 6003, 6005, 6006)"), 4);
    EXPECT_THAT(Differences(pool), IsEmpty());
  });
}

// The way back after a restore: the file that was handed out, with the platform's own trades in it, is migrated again.
TEST_F(TradeStores, AFileThatWasHandedOutCanBeMigratedAgain) {
  Generate({.rows = 300});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(pool.Query(kNewTrade, {"ours-", "3"}).ok());
    ASSERT_TRUE(Migrate(pool).ok());
    ASSERT_TRUE(MirrorAll(pool).ok());
    ASSERT_TRUE(End(pool, Phase::kRolledBack, "elsewhere", SystemClock().Now()).ok());
    std::filesystem::rename(Path(), Source());
    ASSERT_TRUE(pool.Query("UPDATE trades SET leverage = 7 WHERE trade_id = 'ours-2'").ok());
    ASSERT_TRUE(Migrate(pool).ok());
    EXPECT_EQ(ReadState(pool)->odd, 3) << "trades that are open";
    ASSERT_TRUE(MirrorAll(pool).ok());
    EXPECT_THAT(Differences(pool), IsEmpty());
    auto file = CopyFile::Open(Path(), 303);
    const auto rows = file->Find("ours-2");
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_GT(rows->front().rowid, 303) << "it is still the old system's";
    ASSERT_TRUE(InTheFile("UPDATE trades SET leverage = 8 WHERE trade_id = 'ours-2'").ok());
    EXPECT_THAT(Differences(pool), ElementsAre("ours-2: other contents"));
  });
}

// The platform's trades, from before and from during the time of two stores, while both die now and then.
TEST_F(TradeStores, WhatIsWrittenWhileBothAreWrittenIsInBoth) {
  Generate({.rows = 500});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(pool.Query(kNewTrade, {"before-", "50"}).ok());
    ASSERT_TRUE(Migrate(pool).ok());
    for (int round = 0; round < 6; ++round) {
      ASSERT_TRUE(pool.Query(kNewTrade, {fmt::format("round-{}-", round), "40"}).ok());
      ASSERT_TRUE(pool.Query("UPDATE trades SET status = 'CLOSED', exit_price = 61000.12345678, exit_time = now(), "
                             "pnl_usd = -0.00000001 WHERE trade_id LIKE 'before-%' AND quantity = 0.001 * $1",
                             {std::to_string(round + 1)})
                      .ok());
      auto file = CopyFile::Open(Path(), 500);
      ASSERT_TRUE(file.ok());
      if (round % 2 == 0) {
        ASSERT_TRUE(file->Begin().ok());  // and dies: the lock goes with it
      } else if (round == 3) {
        server_->KillPostgres();
        EXPECT_FALSE(MirrorSome(pool, *file).ok());
        server_->StartPostgres();
      } else {
        EXPECT_TRUE(MirrorSome(pool, *file).ok());
      }
    }
    // What was written to the file, and died before the queue heard of it, is written again.
    ASSERT_TRUE(pool.Query("INSERT INTO tradestore_queue (trade_id) SELECT trade_id FROM trades").ok());
    ASSERT_TRUE(MirrorAll(pool).ok());
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_queue"), 0);
    EXPECT_THAT(Differences(pool), IsEmpty());
    EXPECT_EQ(LegacyFile::Open(Path())->Count().value(), 500 + 50 + 6 * 40);
  });
}

// The control: each way in which the two could differ is seen.
TEST_F(TradeStores, AComparisonFindsEveryDifference) {
  Generate({.rows = 1'500});
  Run([&](postgres::Pool& pool) {
    ASSERT_TRUE(pool.Query(kNewTrade, {"ours-", "3"}).ok());
    ASSERT_TRUE(Migrate(pool).ok());
    ASSERT_TRUE(MirrorAll(pool).ok());
    EXPECT_THAT(Differences(pool), IsEmpty());
    ASSERT_TRUE(InTheFile("UPDATE trades SET entry_price = entry_price + 0.1 WHERE trade_id = 'T00000007'").ok());
    EXPECT_THAT(Differences(pool), ElementsAre("T00000007: other contents"));
    ASSERT_TRUE(InTheFile("UPDATE trades SET status = 'CLOSED' WHERE trade_id = 'ours-2'").ok());
    ASSERT_TRUE(InTheFile("DELETE FROM trades WHERE trade_id = 'ours-3'").ok());
    ASSERT_TRUE(pool.Query("DELETE FROM trades WHERE trade_id = 'T00001500'").ok());
    EXPECT_THAT(Differences(pool), ElementsAre("T00000007: other contents", HasSubstr("T00001500: in the file, not in"),
                                               "ours-2: other contents", "ours-3: in Postgres, not in the file"));
    // What waits for the file is no difference yet.
    ASSERT_TRUE(pool.Query("UPDATE trades SET leverage = 4 WHERE trade_id = 'ours-3'").ok());
    EXPECT_EQ(Differences(pool).size(), 3u);
  });
}

TEST_F(TradeStores, AStepIsOnlyTakenFromWhereItBegins) {
  Generate({.rows = 100});
  Run([&](postgres::Pool& pool) {
    const WallTime now = SystemClock().Now();
    EXPECT_EQ(ReadPhase(pool)->phase, Phase::kNone);
    EXPECT_EQ(Switch(pool, now).error().code, Errc::kConflict);
    ASSERT_TRUE(Migrate(pool).ok());
    EXPECT_EQ(BeginDual(pool, now).error().code, Errc::kConflict);
    EXPECT_EQ(SwitchBack(pool).error().code, Errc::kConflict);
    ASSERT_TRUE(Switch(pool, now).ok());
    EXPECT_EQ(ReadState(pool)->phase, Phase::kSwitched);
    ASSERT_TRUE(SwitchBack(pool).ok());
    ASSERT_TRUE(pool.Query(kNewTrade, {"late-", "1"}).ok());
    const Status early = End(pool, Phase::kFinished, "archive", now);
    ASSERT_FALSE(early.ok());
    EXPECT_THAT(early.error().message, HasSubstr("1 trades are not in the file yet"));
    ASSERT_TRUE(pool.Query(kNewTrade, {"later-", "1"}).ok());
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_queue"), 2) << "the refused end stopped the writing to both";
    ASSERT_TRUE(MirrorAll(pool).ok());
    ASSERT_TRUE(End(pool, Phase::kFinished, "archive", now).ok());
    ASSERT_TRUE(pool.Query(kNewTrade, {"after-", "1"}).ok());
    EXPECT_EQ(One(pool, "SELECT count(*) FROM tradestore_queue"), 0);
    EXPECT_EQ(ReadState(pool)->archive, "archive");
  });
}

}  // namespace
}  // namespace quantum::tradestore
