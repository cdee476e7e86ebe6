#include "operator/chaos/orders/orders_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/chaos/orders/protection_watch.h"

namespace quantum::operate::chaos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using trading::operator""_dec;

// One trade as it should be: opened by decision d1, closed by d2, protected meanwhile by a stop that did not trigger.
OrderBooks Good() {
  OrderBooks books;
  books.decisions = {{"d1", "c1", true, true}, {"d2", "c2", false, true}, {"d3", "c3", true, false}};
  books.intents = {{"e1", {"d1", "ENTRY", "1"_dec}}, {"s1", {"d1", "STOP_LOSS", {}}}, {"x2", {"d2", "CLOSE", "1"_dec}}};
  books.placed = {{"e1", {"BTCUSDT", false, false, 100}}, {"x2", {"BTCUSDT", true, false, 200}}};
  books.correlations = {{"e1", "c1"}, {"x2", "c2"}};
  books.trades = {"d1"};
  return books;
}

TEST(OrdersChecker, FindsNothingWhereNothingIsWrong) {
  const OrderVerdict verdict = JudgeOrders(Good());
  EXPECT_EQ(verdict.violations.total(), 0u);
  EXPECT_THAT(verdict.examples, IsEmpty());
}

TEST(OrdersChecker, CountsASecondOrderOfADecisionWhateverItsName) {
  OrderBooks books = Good();
  books.placed["another-name"] = {"BTCUSDT", false, false, 150};
  books.correlations["another-name"] = "c1";
  OrderVerdict verdict = JudgeOrders(books);
  EXPECT_EQ(verdict.violations.doubled, 1u);
  EXPECT_EQ(verdict.violations.total(), 1u);
  EXPECT_THAT(verdict.examples, ElementsAre(HasSubstr("decision d1 has 2 orders at the exchange")));
  books.placed["third-name"] = {"BTCUSDT", true, false, 250};
  books.correlations["third-name"] = "c2";
  EXPECT_EQ(JudgeOrders(books).violations.doubled, 2u) << "a close as well";
}

TEST(OrdersChecker, KnowsAnOrdersDecisionByOurIntentWhereTheExchangeHasLostItsLog) {
  OrderBooks books = Good();
  books.correlations.clear();
  EXPECT_EQ(JudgeOrders(books).violations.total(), 0u);
}

TEST(OrdersChecker, LetsWhatProtectsATradeComeAgain) {
  OrderBooks books = Good();
  for (const char* name : {"s1", "emergency-1", "emergency-2"}) {
    books.placed[name] = {"BTCUSDT", true, std::string_view(name) == "s1", 150};
    books.correlations[name] = "c1";
  }
  EXPECT_EQ(JudgeOrders(books).violations.total(), 0u);
}

TEST(OrdersChecker, TheExchangesOwnOrderOfALiquidationIsNobodysDouble) {
  OrderBooks books = Good();
  books.placed["autoclose-7"] = {"BTCUSDT", true, false, 150};
  books.placed["adl_autoclose"] = {"BTCUSDT", false, false, 150};
  for (const char* name : {"autoclose-7", "adl_autoclose"}) {
    books.correlations[name] = "c2";  // what the exchange was being asked when it took the position over
  }
  EXPECT_EQ(JudgeOrders(books).violations.total(), 0u);
}

TEST(OrdersChecker, CountsEntriesThatNoApprovedDecisionExplains) {
  OrderBooks books = Good();
  books.placed["stranger"] = {"BTCUSDT", false, false, 150};
  books.placed["refused"] = {"BTCUSDT", false, false, 150};
  books.correlations["refused"] = "c3";
  EXPECT_EQ(JudgeOrders(books).violations.invented, 2u);
}

TEST(OrdersChecker, CountsEntriesAfterATripAndNoExits) {
  OrderBooks books = Good();
  books.placed["e1"].time_ms = 1000;
  books.halted_ms = {{1000 - kUnderWayMs - 1, 2000}};
  EXPECT_EQ(JudgeOrders(books).violations.after_trip, 1u);
  books.halted_ms = {{1000 - kUnderWayMs, 2000}, {0, 1000}};
  EXPECT_EQ(JudgeOrders(books).violations.total(), 0u);
}

TEST(OrdersChecker, CountsWhatWasLostBetweenDecisionAndTrade) {
  OrderBooks books = Good();
  books.trades.clear();
  EXPECT_EQ(JudgeOrders(books).violations.lost, 1u);
  books.intents.erase("e1");
  EXPECT_EQ(JudgeOrders(books).violations.lost, 1u);
  books = Good();
  books.intents["e1-again"] = {"d1", "ENTRY", {}};
  EXPECT_EQ(JudgeOrders(books).violations.doubled, 1u) << "two intents";
}

TEST(OrdersChecker, SortsTheDifferencesOfBothSides) {
  OrderBooks books = Good();
  books.differences = {"fill BTCUSDT 7: at the exchange, not in Postgres", "balance: 1 by the fills in Postgres, 2 ...",
                       "order x: NEW in Postgres, FILLED at the exchange", "position BTCUSDT: 1 in Postgres, 2 ..."};
  books.unprotected = {"position in BTCUSDT: without a stop"};
  const OrderViolations violations = JudgeOrders(books).violations;
  EXPECT_EQ(violations.fills, 1u);
  EXPECT_EQ(violations.balance, 1u);
  EXPECT_EQ(violations.differences, 2u);
  EXPECT_EQ(violations.unprotected, 1u);
}

TEST(ProtectionWatch, CountsTheTimeOfAWorkingExchangeAlone) {
  ProtectionWatch watch;
  SteadyTime now = SteadyTime{} + 1h;
  const auto pass = [&](Duration time, const std::set<std::string>& stopped) {
    for (const SteadyTime end = now + time; now < end;) {
      now += 500ms;
      watch.See(now, {"BTCUSDT"}, stopped);
    }
  };
  watch.See(now, {"BTCUSDT"}, {});
  pass(15s, {});
  EXPECT_THAT(watch.violations(), IsEmpty());
  EXPECT_EQ(watch.TakeLongest(), 15s);
  EXPECT_EQ(watch.TakeLongest(), 0s) << "it was told";
  now += 1min;  // it did not answer
  watch.See(now, {"BTCUSDT"}, {});
  EXPECT_THAT(watch.violations(), IsEmpty());
  pass(1s, {});
  EXPECT_EQ(watch.violations().size(), 1u);
  pass(10s, {});
  EXPECT_EQ(watch.violations().size(), 1u) << "told once";
  pass(1s, {"BTCUSDT"});
  pass(16s, {});
  EXPECT_EQ(watch.violations().size(), 2u);
}

TEST(ProtectionWatch, StartsAnewWithEachPosition) {
  ProtectionWatch watch;
  SteadyTime now = SteadyTime{} + 1h;
  for (int i = 0; i < 100; ++i) {
    now += 1s;
    watch.See(now, i % 10 == 9 ? std::set<std::string>{} : std::set<std::string>{"BTCUSDT"}, {});
  }
  EXPECT_THAT(watch.violations(), IsEmpty());
}

}  // namespace
}  // namespace quantum::operate::chaos
