// What infra/postgres promises of the servers it describes.

#include "tests/integration/postgres/fixture.h"

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

TEST_F(BootstrapTest, EveryTaskMayBeRepeatedAndTouchesNoData) {
  WithPool([](Pool& pool) { ASSERT_TRUE(pool.Query("INSERT INTO item (id) VALUES (1)")); });
  for (const char* task : {"roles", "userlist"}) {
    server().Bootstrap(task);
  }
  WithPool([](Pool& pool) { EXPECT_EQ(CountItems(pool), 1); });
  EXPECT_THAT(server().PostgresLog(), Not(HasSubstr("test-password")));
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
