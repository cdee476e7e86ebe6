#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/platform/database.h"
#include "tests/platform/ledger.h"
#include "tests/platform/stack.h"

// `down`, then `up`: the platform goes on with what it has kept. The last of all: what comes after would find a
// platform of two lives.
namespace quantum::testing {
namespace {

namespace json = boost::json;
using trading::Decimal;

constexpr seconds kComebackTradesMax(120);

struct Kept {
  json::value orders;
  json::value trades;
  std::string wallet;
  Decimal peak_equity;
  Decimal drawdown_max_percent;
  int64_t snapshots = 0;  // rows of the portfolio's history
};

// A portfolio that has just started answers 503 until it knows the wallet.
json::value AwaitDrawdown(const Stack& stack) {
  json::value drawdown;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    drawdown = stack.GetJson("/api/portfolio/drawdown");
    return true;
  }));
  return drawdown;
}

Kept Look(const Stack& stack) {
  const json::value drawdown = AwaitDrawdown(stack);
  return {.orders = stack.Ask({"orders", "--limit", "1000"}).at("items"),
          .trades = stack.Ask({"trades", "--limit", "1000"}).at("items"),
          .wallet = json::value_to<std::string>(stack.GetJson("/api/execution/account").at("wallet_balance")),
          .peak_equity = ToDecimal(drawdown.at("peak_equity")),
          .drawdown_max_percent = ToDecimal(drawdown.at("drawdown_max_percent")),
          .snapshots = CountRows(stack, "portfolio_snapshots")};
}

void ExpectSameRows(const json::value& before, const json::value& after, const char* what) {
  ASSERT_EQ(before.as_array().size(), after.as_array().size()) << what;
  for (size_t i = 0; i < before.as_array().size(); ++i) {
    EXPECT_EQ(json::serialize(before.at(i)), json::serialize(after.at(i))) << what;
  }
}

// The highest equity and the deepest fall from it are those of both lives: a peak that began anew at the wallet of now
// would hide what was lost before.
void ExpectTheHistoryGoesOn(const Kept& before, const Kept& after) {
  EXPECT_GE(after.peak_equity, before.peak_equity);
  EXPECT_GE(after.drawdown_max_percent, before.drawdown_max_percent);
  EXPECT_GT(before.snapshots, 0) << "portfolio_snapshots is empty";
  EXPECT_GE(after.snapshots, before.snapshots) << "rows of portfolio_snapshots are gone";
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
  ExpectTheHistoryGoesOn(before, after);
  EXPECT_EQ(json::value_to<std::string>(stack.GetJson("/api/risk/ess/status").at("state")), "TRIPPED");

  const Answer reset = Send(stack.ByOperator("risk-safety", "POST", "/api/risk/ess/reset", R"({"reason":"comeback"})"));
  ASSERT_EQ(reset.status, 200) << reset.body;
  EXPECT_TRUE(stack.AwaitClosedAfter(NowMs(), 2, kComebackTradesMax)) << "trading does not go on";
  EXPECT_TRUE(Eventually(seconds(30), [&] { return CountRows(stack, "portfolio_snapshots") > after.snapshots; }))
      << "no row of portfolio_snapshots was added since the restart";
  const Outcome verify = stack.Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
}

}  // namespace
}  // namespace quantum::testing
