#include "exchange/paper/market/tape.h"

#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

using trading::operator""_dec;

MarketTrade Trade(int64_t id, int64_t time_ms, Decimal price, bool buyer_is_maker = false) {
  return {"BTCUSDT", id, price, "2"_dec, buyer_is_maker, time_ms, time_ms};
}

TEST(Tape, AggregatesTradesOfOnePriceAndSideWithin100Ms) {
  Tape tape;
  EXPECT_FALSE(tape.Add(Trade(1, 1000, "100"_dec)));
  EXPECT_FALSE(tape.Add(Trade(2, 1099, "100"_dec)));
  const auto by_time = tape.Add(Trade(3, 1100, "100"_dec));
  ASSERT_TRUE(by_time);
  EXPECT_EQ(by_time->id, 1);
  EXPECT_EQ(by_time->quantity, "4"_dec);
  EXPECT_EQ(by_time->first_trade_id, 1);
  EXPECT_EQ(by_time->last_trade_id, 2);
  EXPECT_EQ(by_time->time_ms, 1000);
  EXPECT_TRUE(tape.Add(Trade(4, 1110, "101"_dec)));        // another price
  EXPECT_TRUE(tape.Add(Trade(5, 1120, "101"_dec, true)));  // the other side
  EXPECT_FALSE(tape.Complete(1219));
  EXPECT_TRUE(tape.Complete(1220));
  EXPECT_FALSE(tape.Complete(9999, true));
  ASSERT_EQ(tape.aggregates().size(), 4u);
  Decimal sum;
  for (const AggregateTrade& aggregate : tape.aggregates()) {
    sum += aggregate.quantity;
  }
  EXPECT_EQ(sum, "10"_dec);  // what was traded, no more
}

TEST(Tape, KeepsTheNewestAndGoesOnCounting) {
  Tape tape;
  const auto count = static_cast<int64_t>(Tape::kKept) + 5;
  for (int64_t i = 1; i <= count; ++i) {
    tape.Add(Trade(i, i * 100, "100"_dec));
  }
  EXPECT_EQ(tape.trades().size(), Tape::kKept);
  EXPECT_EQ(tape.trades().back().trade_id, count);
  ASSERT_EQ(tape.aggregates().size(), Tape::kKept);
  EXPECT_EQ(tape.aggregates().back().id, count - 1);
}

}  // namespace
}  // namespace quantum::paper
