#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/platform/stack.h"

// `down`, then `up`: the platform goes on with what it has kept. The last of all: what comes after would find a
// platform of two lives.
namespace quantum::testing {
namespace {

namespace json = boost::json;

constexpr seconds kComebackTradesMax(120);

struct Kept {
  json::value orders;
  json::value trades;
  std::string wallet;
};

Kept Look(const Stack& stack) {
  return {.orders = stack.Ask({"orders", "--limit", "1000"}).at("items"),
          .trades = stack.Ask({"trades", "--limit", "1000"}).at("items"),
          .wallet = json::value_to<std::string>(stack.GetJson("/api/execution/account").at("wallet_balance"))};
}

void ExpectSameRows(const json::value& before, const json::value& after, const char* what) {
  ASSERT_EQ(before.as_array().size(), after.as_array().size()) << what;
  for (size_t i = 0; i < before.as_array().size(); ++i) {
    EXPECT_EQ(json::serialize(before.at(i)), json::serialize(after.at(i))) << what;
  }
}

// Flat and halted, as the settlement before has left it, so that nothing but the restart itself could change a row.
// Returns what stands then.
Kept ComeToRest(Stack& stack) {
  EXPECT_TRUE(stack.AwaitClosedAfter(0, 4, kComebackTradesMax));
  const Outcome halt = stack.Quantum({"halt", "--close", "--reason", "comeback"});
  EXPECT_EQ(halt.exit_code, 0) << halt.output;
  json::value metrics;
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    metrics = stack.GetJson("/api/execution/health").at("metrics");
    return metrics.at("open_positions") == 0 && metrics.at("live_orders") == 0 && metrics.at("records_pending") == 0;
  })) << json::serialize(metrics);
  Kept before = Look(stack);
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    Kept now = Look(stack);
    const bool rests = now.orders == before.orders && now.trades == before.trades;
    before = std::move(now);
    return rests;
  })) << "orders are still being cancelled";
  return before;
}

TEST(Comeback, UpContinuesWithTheDataThatDownKept) {
  Stack& stack = Stack::Get();
  const Kept before = ComeToRest(stack);
  const auto took = stack.DownAndUpAgain();
  Say(fmt::format("all of it is ready again {:.1f} s after the second `up` began", took.count()));
  for (const UnitView& unit : stack.Units()) {
    const bool by_the_clock = unit.state == "scheduled";
    EXPECT_TRUE(by_the_clock || unit.state == (unit.kind == "task" ? "done" : "ready")) << unit.name << unit.state;
  }

  const Kept after = Look(stack);
  ExpectSameRows(before.orders, after.orders, "orders");
  ExpectSameRows(before.trades, after.trades, "trades");
  EXPECT_EQ(before.wallet, after.wallet);
  EXPECT_EQ(json::value_to<std::string>(stack.GetJson("/api/risk/ess/status").at("state")), "TRIPPED");

  const Answer reset = Send(stack.ByOperator("risk-safety", "POST", "/api/risk/ess/reset", R"({"reason":"comeback"})"));
  ASSERT_EQ(reset.status, 200) << reset.body;
  EXPECT_TRUE(stack.AwaitClosedAfter(NowMs(), 2, kComebackTradesMax)) << "trading does not go on";
  const Outcome verify = stack.Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
}

}  // namespace
}  // namespace quantum::testing
