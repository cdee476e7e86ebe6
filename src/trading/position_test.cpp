#include "trading/position.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace quantum::trading {
namespace {

TEST(Position, AddsAveragesAndReducesAtTheEntryPrice) {
  Position position{.symbol = "BTCUSDT"};
  Apply(position, Side::kBuy, "1"_dec, "100"_dec, "0.05"_dec);
  Apply(position, Side::kBuy, "3"_dec, "200"_dec, "0.3"_dec);
  EXPECT_EQ(position.entry_price, "175"_dec);
  const PositionChange change = Apply(position, Side::kSell, "2"_dec, "180"_dec, "0.18"_dec);
  EXPECT_EQ(change.realized_pnl, "10"_dec);
  EXPECT_EQ(position.quantity, "2"_dec);
  EXPECT_EQ(position.entry_price, "175"_dec);
  EXPECT_EQ(position.fees, "0.53"_dec);
  EXPECT_EQ(UnrealizedPnl(position, "170"_dec), "-10"_dec);
}

TEST(Position, AFillThatFlipsClosesFirstAndOpensTheRest) {
  Position position{.symbol = "BTCUSDT"};
  Apply(position, Side::kSell, "1"_dec, "100"_dec, "0"_dec);
  const PositionChange change = Apply(position, Side::kBuy, "3"_dec, "90"_dec, "0"_dec);
  EXPECT_EQ(change.closed_quantity, "1"_dec);
  EXPECT_EQ(change.opened_quantity, "2"_dec);
  EXPECT_EQ(change.realized_pnl, "10"_dec);
  EXPECT_EQ(position.quantity, "2"_dec);
  EXPECT_EQ(position.entry_price, "90"_dec);
}

// Cash spent and received plus the value of what is open equals realized and unrealized result.
RC_GTEST_PROP(Position, ResultEqualsCashFlow, ()) {
  Position position{.symbol = "BTCUSDT"};
  Decimal cash;
  const int fills = *rc::gen::inRange(1, 30);
  for (int i = 0; i < fills; ++i) {
    const Side side = *rc::gen::element(Side::kBuy, Side::kSell);
    const Decimal quantity = Decimal::FromInt(*rc::gen::inRange(1, 9));
    const Decimal price = Decimal::FromInt(*rc::gen::inRange(90, 110));
    const Decimal value = quantity.Times(price);
    cash += side == Side::kBuy ? -value : value;
    Apply(position, side, quantity, price, Decimal());
  }
  const Decimal mark = "100"_dec;
  const Decimal by_cash = cash + position.quantity.Times(mark);
  const Decimal by_position = position.realized_pnl + UnrealizedPnl(position, mark);
  // Each averaging rounds the entry price once; the quantity is below 300.
  RC_ASSERT((by_cash - by_position).Abs() < "0.0001"_dec);
}

}  // namespace
}  // namespace quantum::trading
