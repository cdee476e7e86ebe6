#include "tests/integration/postgres/fixture.h"

namespace quantum::postgres {
namespace {

using ::testing::HasSubstr;

class MigrateTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    InFiber([](fiber::Loop& loop) {
      Pool owner(loop, server().OwnerOptions());
      ASSERT_TRUE(owner
                      .Transact([](Transaction& transaction) {
                        return transaction.Script("DROP TABLE IF EXISTS schema_migrations, first, second");
                      })
                      .ok());
    });
    testing::WriteFile(directory_.path() / "0001_first.sql",
                       "-- Two statements and a function with semicolons of its own.\n"
                       "CREATE TABLE first (id bigint);\n"
                       "INSERT INTO first VALUES (1), (2);\n"
                       "DO $$ BEGIN INSERT INTO first VALUES (3); END $$;\n");
    testing::WriteFile(directory_.path() / "0002_second.sql", "CREATE TABLE second (id bigint)");
  }

  static void AsOwner(const std::function<void(Pool&)>& body) {
    InFiber([&](fiber::Loop& loop) {
      Pool owner(loop, server().OwnerOptions());
      body(owner);
    });
  }
  std::string directory() const { return directory_.path().string(); }

  testing::TemporaryDirectory directory_{"quantum-migrations"};
};

TEST_F(MigrateTest, EachFileIsAppliedOnceAndTheServicesMayUseItsTables) {
  AsOwner([&](Pool& owner) {
    const auto first = Migrate(owner, directory());
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(*first, 2);
    const auto again = Migrate(owner, directory());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, 0);
    testing::WriteFile(directory_.path() / "0003_third.sql", "INSERT INTO first VALUES (4);");
    EXPECT_EQ(*Migrate(owner, directory()), 1);
  });
  WithPool([](Pool& pool) {
    EXPECT_EQ(pool.Query("SELECT count(*) AS n FROM first")->Int(0, "n"), 4);
    EXPECT_TRUE(pool.Query("INSERT INTO second VALUES (1)"));
    EXPECT_EQ(pool.Query("SELECT name FROM schema_migrations ORDER BY version")->Text(2, "name"), "0003_third");
  });
}

TEST_F(MigrateTest, AChangedOrMissingFileIsRefused) {
  AsOwner([&](Pool& owner) {
    ASSERT_TRUE(Migrate(owner, directory()));
    testing::WriteFile(directory_.path() / "0001_first.sql", "CREATE TABLE first (id text);");
    const auto changed = Migrate(owner, directory());
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, Errc::kConflict);
    EXPECT_THAT(changed.error().message, HasSubstr("0001_first has changed"));
    std::filesystem::remove(directory_.path() / "0001_first.sql");
    EXPECT_THAT(Migrate(owner, directory()).error().message,
                HasSubstr("0001_first is applied but its file is missing"));
  });
}

TEST_F(MigrateTest, AFileThatFailsLeavesNothingBehindAndStopsTheRest) {
  testing::WriteFile(directory_.path() / "0002_second.sql",
                     "CREATE TABLE second (id bigint); SELECT no_such_function();");
  testing::WriteFile(directory_.path() / "0003_third.sql", "INSERT INTO first VALUES (9)");
  AsOwner([&](Pool& owner) {
    const auto done = Migrate(owner, directory());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("migration 0002_second: 42883 "));
    EXPECT_TRUE(owner.Query("SELECT to_regclass('second') IS NULL AS gone")->Bool(0, "gone"));
    EXPECT_EQ(owner.Query("SELECT count(*) AS n FROM first")->Int(0, "n"), 3) << "0001 stays, 0003 did not run";
  });
}

TEST_F(MigrateTest, AFileThatCommitsByItselfIsRefused) {
  testing::WriteFile(directory_.path() / "0001_first.sql", "CREATE TABLE first (id bigint); COMMIT;");
  AsOwner([&](Pool& owner) {
    const auto done = Migrate(owner, directory());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("25000 "));
  });
}

TEST_F(MigrateTest, TwoAtOnceApplyEachFileOnce) {
  InFiber([&](fiber::Loop& loop) {
    Pool one(loop, server().OwnerOptions());
    Pool two(loop, server().OwnerOptions());
    int applied = 0;
    fiber::Gate gate;
    for (Pool* pool : {&one, &two}) {
      loop.Spawn([&, pool, pass = std::make_shared<fiber::Gate::Pass>(*gate.Enter())] {
        const auto done = Migrate(*pool, directory());
        EXPECT_TRUE(done) << done.error().message;
        applied += done ? *done : 0;
      });
    }
    gate.Close();
    ASSERT_TRUE(gate.WaitEmptyFor(std::chrono::seconds(20)));
    EXPECT_EQ(applied, 2);
    EXPECT_EQ(one.Query("SELECT count(*) AS n FROM first")->Int(0, "n"), 3);
  });
}

}  // namespace
}  // namespace quantum::postgres
