// What infra/postgres promises of the servers it describes.

#include "tests/integration/postgres/fixture.h"

#include <future>

#include "tests/support/fiber_eventually.h"

namespace quantum::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BootstrapTest : public PostgresTest {};

TEST_F(BootstrapTest, TheServerRunsWithChecksumsScramAndSynchronousCommit) {
  WithPool([](Pool& pool) {
    const std::pair<const char*, const char*> settings[] = {
        {"data_checksums", "on"},   {"password_encryption", "scram-sha-256"}, {"synchronous_commit", "on"},
        {"full_page_writes", "on"}, {"listen_addresses", "127.0.0.1"},        {"wal_level", "replica"},
        {"TimeZone", "UTC"},        {"log_parameter_max_length", "0"},
    };
    for (const auto& [name, value] : settings) {
      const auto rows = pool.Query("SELECT current_setting($1) AS value", {name});
      ASSERT_TRUE(rows) << rows.error().message;
      EXPECT_EQ(rows->Text(0, "value"), value) << name;
    }
  });
}

TEST_F(BootstrapTest, EverySessionHasOneApplicationName) {
  WithPool([](Pool& pool) {
    const auto rows = pool.Query("SELECT current_setting('application_name') AS name");
    EXPECT_EQ(rows->Text(0, "name"), "quantum_trader");
  });
}

TEST_F(BootstrapTest, NoPasswordReachesALog) {
  WithPool([](Pool& pool) { EXPECT_TRUE(pool.Query("SELECT 1")); });
  EXPECT_THAT(server().PostgresLog(), Not(HasSubstr("test-password")));
  EXPECT_THAT(server().PgBouncerLog(), Not(HasSubstr("test-password")));
}

// PgBouncer passes a client's proof on, for which both must hold the same.
TEST_F(BootstrapTest, PgBouncerKnowsNoPasswordButWhatPostgresKeepsOfIt) {
  const std::string list = server().UserList();
  EXPECT_THAT(list, Not(HasSubstr("test-password")));
  for (const char* user : {"quantum", "quantum_admin", "quantum_stats"}) {
    EXPECT_THAT(list, HasSubstr("\"" + std::string(user) + "\" \"SCRAM-SHA-256$4096:"));
  }
  server().Bootstrap("userlist");
  EXPECT_EQ(server().UserList(), list) << "each run makes another";
}

TEST_F(BootstrapTest, EveryTaskMayBeRepeatedAndTouchesNoData) {
  WithPool([](Pool& pool) { ASSERT_TRUE(pool.Query("INSERT INTO item (id) VALUES (1)")); });
  for (const char* task : {"roles", "userlist"}) {
    server().Bootstrap(task);
  }
  WithPool([](Pool& pool) { EXPECT_EQ(CountItems(pool), 1); });
  EXPECT_THAT(server().PostgresLog(), Not(HasSubstr("test-password")));
}

// A node is the primary for HAProxy as soon as it is to be one, a quarter of a second before it takes writes.
TEST_F(BootstrapTest, RolesWaitUntilThePrimaryIsPromoted) {
  const auto sessions = [](Pool& pool) {
    const auto rows = pool.Query("SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'");
    return rows ? rows->Int(0, "sessions") : 0;
  };
  server().KillPostgres();
  server().BeginAsStandby();
  server().StartPostgres();
  auto roles = std::async(std::launch::async, [] { server().Bootstrap("roles"); });
  InFiber([&](fiber::Loop& loop) {
    Pool owner(loop, server().OwnerOptions());
    EXPECT_TRUE(testing::fibers::Eventually(std::chrono::seconds(30), [&] { return sessions(owner) > 1; }))
        << "nobody asks";
    EXPECT_EQ(roles.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it did not wait";
  });
  server().Promote();
  EXPECT_NO_THROW(roles.get());
}

TEST_F(BootstrapTest, TheServicesRoleCannotReachOtherDatabasesThroughPgBouncer) {
  for (const char* database : {"postgres", "template1"}) {
    WithPool(
        [&](Pool& pool) {
          const auto answer = pool.Query("SELECT 1");
          ASSERT_FALSE(answer) << database;
          EXPECT_EQ(answer.error().code, Errc::kUnavailable) << answer.error().message;
          EXPECT_THAT(answer.error().message, HasSubstr("no such database: " + std::string(database)));
        },
        [&](PoolOptions& options) { options.database = database; });
  }
}

}  // namespace
}  // namespace quantum::postgres
