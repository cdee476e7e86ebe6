#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "platform/base/clock.h"
#include "tests/platform/database.h"
#include "tests/platform/stack.h"

// The drill: the database is dropped, which the standby copies faithfully, and comes back from the backups. The last of
// all, after a comeback that has left the platform flat and halted.
namespace quantum::testing {
namespace {

namespace json = boost::json;

struct Rows {
  json::value orders;
  json::value trades;
  bool operator==(const Rows&) const = default;
};

Rows CountRows(const Stack& stack) {
  return {.orders = stack.Ask({"orders", "--limit", "1000"}).at("items"),
          .trades = stack.Ask({"trades", "--limit", "1000"}).at("items")};
}

// Entries go on by the operator's word.
void Rearm(const Stack& stack) {
  const Answer reset =
      Send(stack.ByOperator("risk-safety", "POST", "/api/risk/ess/reset", R"({"reason":"the drill"})"));
  ASSERT_EQ(reset.status, 200) << reset.body;
}

// Halted and flat, so that what was there is known to the row.
Rows RowsAtRest(const Stack& stack) {
  const Outcome halt = stack.Quantum({"halt", "--close", "--reason", "the drill"});
  EXPECT_EQ(halt.exit_code, 0) << halt.output;
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    const json::value metrics = stack.GetJson("/api/execution/health").at("metrics");
    return metrics.at("open_positions") == 0 && metrics.at("live_orders") == 0 && metrics.at("records_pending") == 0;
  }));
  Rows before = CountRows(stack);
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    Rows now = CountRows(stack);
    return std::exchange(before, now) == now;
  })) << "orders are still being cancelled";
  return before;
}

// Entries go on after the restore: there may be more rows by now, but each of then stands as it stood.
void ExpectAllOf(const json::value& before, const json::value& after, const char* key) {
  ASSERT_FALSE(before.as_array().empty());
  for (const json::value& row : before.as_array()) {
    const auto found = std::find_if(after.as_array().begin(), after.as_array().end(),
                                    [&](const json::value& each) { return each.at(key) == row.at(key); });
    ASSERT_NE(found, after.as_array().end()) << json::serialize(row);
    EXPECT_EQ(json::serialize(*found), json::serialize(row));
  }
}

TEST(Restore, ADroppedDatabaseComesBackWithEveryRowAndEqualsTheExchange) {
  Stack& stack = Stack::Get();
  const Rows before = RowsAtRest(stack);
  Rearm(stack);
  const Outcome backup = stack.Quantum({"backup", "incr"}, seconds(120));
  ASSERT_EQ(backup.exit_code, 0) << backup.output;
  const std::string then = FormatIso8601(SystemClock().Now());
  // A restore ends before the first commit after the moment wanted: there must be one before the drop.
  ASSERT_TRUE(Eventually(seconds(30), [&] { return HeartbeatSince(stack, then); }));
  Say("dropping the database");
  DropDatabase(stack);
  const Outcome restore = stack.Quantum({"restore", "--time", then, "--replace"}, seconds(180));
  Say(restore.output);
  ASSERT_EQ(restore.exit_code, 0) << restore.output;
  EXPECT_THAT(restore.output, ::testing::HasSubstr("Postgres and the exchange agree"));
  EXPECT_THAT(restore.output, ::testing::HasSubstr("New entries go on."));
  const Rows after = CountRows(stack);
  ExpectAllOf(before.orders, after.orders, "client_order_id");
  ExpectAllOf(before.trades, after.trades, "trade_id");
  EXPECT_EQ(CountRows(stack, "restores"), 1);
  // A standby is copied anew, and the platform is whole again.
  EXPECT_TRUE(Eventually(seconds(60), [&] { return stack.Quantum({"postgres"}).exit_code == 0; }));
}

}  // namespace
}  // namespace quantum::testing
