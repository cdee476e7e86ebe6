#include "operator/chaos/orders/orders_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate::chaos {
namespace {

using ::testing::HasSubstr;

OrdersRound Counting() {
  return {.number = 1, .fault = "kill-execution", .acknowledged = kDecisionsLeast, .in_flight = 1};
}

OrdersReport Of(std::vector<OrdersRound> rounds, int asked) { return {.asked = asked, .rounds = std::move(rounds)}; }

TEST(OrdersReportTest, ARunIsGoodOnceAsManyRoundsCountAsWereAskedFor) {
  OrdersRound struck_nothing = Counting();
  struck_nothing.in_flight = 0;
  OrdersRound too_few = Counting();
  --too_few.acknowledged;
  EXPECT_TRUE(Of({Counting()}, 1).Good());
  EXPECT_FALSE(Of({struck_nothing}, 1).Good());
  EXPECT_FALSE(Of({too_few}, 1).Good());
  EXPECT_FALSE(Of({Counting(), struck_nothing}, 2).Good());
  EXPECT_TRUE(Of({struck_nothing, Counting()}, 1).Good()) << "it was played again";
  EXPECT_FALSE(Of({}, 0).Good()) << "nothing was asked for";
}

TEST(OrdersReportTest, ARunWithAViolationOrTroubleIsBadHoweverManyRoundsCount) {
  OrdersReport violated = Of({Counting(), Counting()}, 1);
  violated.found.doubled = 1;
  EXPECT_FALSE(violated.Good());
  OrdersReport troubled = Of({Counting(), Counting()}, 1);
  troubled.trouble = "round 2: nobody answers";
  EXPECT_FALSE(troubled.Good());
}

TEST(OrdersReportTest, ARoundThatDoesNotCountSaysSo) {
  OrdersRound round = Counting();
  EXPECT_THAT(FormatRound(round), Not(HasSubstr("does not count")));
  round.in_flight = 0;
  EXPECT_THAT(FormatRound(round), HasSubstr("does not count"));
  EXPECT_THAT(FormatReport(Of({round}, 1)), HasSubstr("BAD: 0 of 1 rounds count"));
}

}  // namespace
}  // namespace quantum::operate::chaos
