#include "services/execution/trade.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "services/execution/test_data.h"

namespace quantum::execution {
namespace {

using namespace test;
using trading::OrderStatus;

Trade Long() { return *PlanOf(OpenApproval("t", Side::kBuy, "1")).trade; }

TEST(Trade, ResultIsPriceDifferenceTimesQuantityLessFees) {
  Trade trade = Long();
  Enter(trade, "1"_dec, "60000"_dec, "30"_dec, kNow);
  EXPECT_EQ(trade.status, TradeStatus::kOpen);
  Exit(trade, "1"_dec, "61000"_dec, "30.5"_dec, kNow, kBySignal);
  ASSERT_TRUE(Settle(trade, OrderStatus::kFilled, kNow));
  EXPECT_EQ(trade.status, TradeStatus::kClosed);
  EXPECT_EQ(trade.net_pnl(), "939.5"_dec);       // 1000 - 60.5: the leverage is in the quantity already
  EXPECT_EQ(*trade.r_multiple(), "0.9395"_dec);  // 1000 at risk
  EXPECT_EQ(trade.margin(), "20000"_dec);
  EXPECT_EQ(*trade.pnl_percent(), "4.6975"_dec);
}

TEST(Trade, AShortWinsWhenThePriceFalls) {
  Trade trade = *PlanOf(OpenApproval("s", Side::kSell, "2")).trade;
  Enter(trade, "2"_dec, "60000"_dec, {}, kNow);
  Exit(trade, "2"_dec, "59000"_dec, {}, kNow, kByTakeProfit);
  EXPECT_EQ(trade.net_pnl(), "2000"_dec);
}

TEST(Trade, APartOfTheTakeProfitIsSaid) {
  Trade trade = Long();
  Enter(trade, "1"_dec, "60000"_dec, {}, kNow);
  Exit(trade, "0.4"_dec, "62000"_dec, {}, kNow, kByTakeProfit);
  EXPECT_EQ(trade.status, TradeStatus::kPartialTp);
  EXPECT_FALSE(Settle(trade, OrderStatus::kFilled, kNow));
  Exit(trade, "0.6"_dec, "59000"_dec, {}, kNow, kByStopLoss);
  ASSERT_TRUE(Settle(trade, OrderStatus::kFilled, kNow));
  EXPECT_EQ(trade.close_reason, "STOP_LOSS");
  EXPECT_EQ(trade.exit_price(), "60200"_dec);
}

TEST(Trade, OneThatNeverFilledIsCancelledOrFailedNotClosed) {
  Trade cancelled = Long();
  ASSERT_TRUE(Settle(cancelled, OrderStatus::kCanceled, kNow));
  EXPECT_EQ(cancelled.status, TradeStatus::kCancelled);
  Trade failed = Long();
  ASSERT_TRUE(Settle(failed, OrderStatus::kRejected, kNow));
  EXPECT_EQ(failed.status, TradeStatus::kFailed);
  Trade waiting = Long();
  EXPECT_FALSE(Settle(waiting, OrderStatus::kUnknown, kNow));
}

// Cash in and out is the result, however the fills fall.
RC_GTEST_PROP(Trade, NetResultIsTheCashFlow, ()) {
  Trade trade = Long();
  Decimal cash;
  const auto fee = Decimal::FromRaw(*rc::gen::inRange(0, 100'000));
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    const auto quantity = Decimal::FromInt(*rc::gen::inRange(1, 5));
    const auto price = Decimal::FromInt(*rc::gen::inRange(90, 110));
    Enter(trade, quantity, price, fee, kNow);
    cash -= quantity.Times(price) + fee;
  }
  while (!trade.position.is_flat()) {
    const auto quantity = std::min(trade.open_quantity(), Decimal::FromInt(*rc::gen::inRange(1, 5)));
    const auto price = Decimal::FromInt(*rc::gen::inRange(90, 110));
    Exit(trade, quantity, price, fee, kNow, kBySignal);
    cash += quantity.Times(price) - fee;
  }
  RC_ASSERT((trade.net_pnl() - cash).Abs() < "0.0001"_dec);
}

}  // namespace
}  // namespace quantum::execution
