#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/platform/environment.h"
#include "tests/platform/fill_audit.h"
#include "tests/platform/ledger.h"
#include "tests/platform/stack.h"

// What the account came to, by the exchange's own fills. Ends the trading: what comes after finds the platform halted,
// with decisions still being made.
namespace quantum::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::IsEmpty;
using trading::Decimal;

constexpr seconds kSettlementTradesMax(90);
constexpr milliseconds kSpanMax(5000);

constexpr const char* kSymbols[] = {"BTCUSDT", "ETHUSDT"};

TEST(Settlement, EveryFillIsOneThatTheRecordedMarketAllows) {
  Stack& stack = Stack::Get();
  if (!stack.recording()) {
    GTEST_SKIP() << "there is no recorded market data beside the source tree to check the fills against";
  }
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 4, kSettlementTradesMax));
  for (const char* symbol : kSymbols) {
    const FillAudit audit = AuditFills(stack, SharedMarketClock(), symbol);
    Say(
        fmt::format("{}: {} fills of takers, {} of makers; the market's place is known within {} ms, {} fills around "
                    "restarts aside",
                    symbol, audit.taker, audit.maker, audit.longest_span_ms, audit.around_restarts));
    EXPECT_GT(audit.taker, 0u) << symbol;
    // Else nearly any price would have been there at some time.
    EXPECT_LT(audit.longest_span_ms, kSpanMax.count()) << symbol;
    EXPECT_LT(audit.around_restarts * 4, audit.taker + audit.maker) << symbol;
    EXPECT_THAT(audit.problems, IsEmpty());
  }
}

bool Flat(const Stack& stack) {
  const json::value positions = stack.Ask({"positions"});
  for (const json::value& position : positions.at("items").as_array()) {
    if (!ToDecimal(position.at("quantity")).is_zero()) {
      return false;
    }
  }
  return true;
}

TEST(Settlement, RealizedPnlLessFeesIsTheSumOverTheExchangesFillsOnceEverythingIsFlat) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 1, seconds(90)));
  const Answer paused = Send(stack.ByOperator("ai-engine", "POST", "/admin/pause", "{}"));
  ASSERT_EQ(paused.status / 100, 2) << paused.body;
  ASSERT_TRUE(stack.GetJson("/api/ai/health").at("metrics").at("paused").as_bool());
  // Decisions already on their way end; then what is open is closed.
  const Outcome halt = stack.Quantum({"halt", "--close", "--reason", "settlement"});
  ASSERT_EQ(halt.exit_code, 0) << halt.output;
  ASSERT_TRUE(Eventually(seconds(60), [&] { return Flat(stack); })) << "positions are still open";
  Say("everything is flat");

  // Flat: what was sold less what was bought is the result, whatever the order of the fills.
  Decimal realized;
  Decimal fees;
  size_t fills_count = 0;
  for (const char* symbol : kSymbols) {
    Decimal quantity;
    for (const ExchangeFill& fill : FillsOf(stack, symbol)) {
      const Decimal value = fill.price.Times(fill.quantity);
      realized += fill.buy ? -value : value;
      quantity += fill.buy ? fill.quantity : -fill.quantity;
      fees += fill.fee;
      ++fills_count;
    }
    EXPECT_TRUE(quantity.is_zero()) << symbol << " at the exchange: " << quantity.ToString();
  }
  // Entry prices are averages of eight digits: each fill may round by one.
  const Decimal rounding = Decimal::FromRaw(static_cast<int64_t>(fills_count));
  json::value pnl;
  EXPECT_TRUE(Eventually(seconds(60),
                         [&] {
                           pnl = stack.GetJson("/api/portfolio/pnl");
                           return (ToDecimal(pnl.at("realized_pnl")) - realized).Abs() <= rounding &&
                                  ToDecimal(pnl.at("fees")) == fees;
                         }))
      << "portfolio: " << json::serialize(pnl) << "; by the fills: realized " << realized.ToString() << ", fees "
      << fees.ToString();
  Say(fmt::format("{} fills: realized {}, fees {}", fills_count, realized.ToString(), fees.ToString()));
  EXPECT_LE((ToDecimal(pnl.at("net_pnl")) - (realized - fees)).Abs(), rounding) << json::serialize(pnl);
  const Decimal balance = Decimal::FromInt(10'000) + realized - fees;
  json::value account;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    account = stack.GetJson("/api/execution/account");
    return (ToDecimal(account.at("wallet_balance")) - balance).Abs() <= rounding;
  })) << json::serialize(account);
  EXPECT_GE(stack.GetJson("/api/risk/ess/status").as_object().size(), 1u);

  const Outcome verify = stack.Quantum({"verify"}, seconds(120));
  EXPECT_EQ(verify.exit_code, 0) << verify.output;
  // It may wish again; the halt keeps every entry from the exchange.
  EXPECT_EQ(Send(stack.ByOperator("ai-engine", "POST", "/admin/resume", "{}")).status / 100, 2);
}

TEST(Settlement, AHaltedPlatformSendsNoEntryThoughDecisionsGoOn) {
  Stack& stack = Stack::Get();
  if (!fs::exists(stack.state() / "run/halt.json")) {
    GTEST_SKIP() << "the settlement before did not get as far as the halt";
  }
  const size_t fills = FillsOf(stack, "BTCUSDT").size() + FillsOf(stack, "ETHUSDT").size();
  const auto decisions = [&] { return stack.GetJson("/api/ai/health").at("metrics").at("decisions").to_number<int>(); };
  const int before = decisions();
  EXPECT_TRUE(Eventually(seconds(30), [&] { return decisions() >= before + 5; })) << "no decisions are made";
  EXPECT_EQ(FillsOf(stack, "BTCUSDT").size() + FillsOf(stack, "ETHUSDT").size(), fills);
  EXPECT_TRUE(Flat(stack));
}

}  // namespace
}  // namespace quantum::testing
