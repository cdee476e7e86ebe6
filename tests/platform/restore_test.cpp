#include <fmt/format.h>
#include <gmock/gmock.h>

#include "platform/base/clock.h"
#include "tests/platform/database.h"
#include "tests/platform/stack.h"

// The drill: the database is dropped, which the standby copies faithfully, and comes back from the backups. The last of
// all, after a comeback that has left the platform flat and halted.
namespace quantum::testing {
namespace {

namespace json = boost::json;

TEST(Restore, ADroppedDatabaseComesBackWithEveryRowAndEqualsTheExchange) {
  Stack& stack = Stack::Get();
  const json::value orders = stack.Ask({"orders", "--limit", "1000"}).at("items");
  const json::value trades = stack.Ask({"trades", "--limit", "1000"}).at("items");
  ASSERT_FALSE(orders.as_array().empty());
  const Outcome backup = stack.Quantum({"backup", "incr"}, seconds(120));
  ASSERT_EQ(backup.exit_code, 0) << backup.output;
  const std::string then = FormatIso8601(SystemClock().Now());
  ASSERT_TRUE(Eventually(seconds(5), [&] { return FormatIso8601(SystemClock().Now()) > then; }));
  Say("dropping the database");
  DropDatabase(stack);
  const Outcome restore = stack.Quantum({"restore", "--time", then, "--replace"}, seconds(180));
  Say(restore.output);
  ASSERT_EQ(restore.exit_code, 0) << restore.output;
  EXPECT_THAT(restore.output, ::testing::HasSubstr("Postgres and the exchange agree"));
  EXPECT_EQ(json::serialize(stack.Ask({"orders", "--limit", "1000"}).at("items")), json::serialize(orders));
  EXPECT_EQ(json::serialize(stack.Ask({"trades", "--limit", "1000"}).at("items")), json::serialize(trades));
  EXPECT_EQ(CountRows(stack, "restores"), 1);
  // A standby is copied anew, and the platform is whole again.
  EXPECT_TRUE(Eventually(seconds(60), [&] { return stack.Quantum({"postgres"}).exit_code == 0; }));
}

}  // namespace
}  // namespace quantum::testing
