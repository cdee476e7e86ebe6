#include "services/risk_safety/views.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;

class ViewsTest : public testing::Test {
 protected:
  static PositionFact Position(Decimal quantity, int64_t time_ms) {
    return {.symbol = "BTCUSDT", .quantity = quantity, .entry_price = "50000"_dec, .time_ms = time_ms};
  }
  static trading::event::Tick Tick(Decimal price, std::optional<Decimal> mark) {
    return {.symbol = "BTCUSDT", .price = price, .mark_price = mark};
  }
  ManualClock clock_;
  Views views_{clock_};
};

TEST_F(ViewsTest, TheNewerFactOfAPositionWinsWhicheverWayItComes) {
  EXPECT_TRUE(views_.OnPosition(Position("1"_dec, 20)));
  EXPECT_FALSE(views_.OnPosition(Position("5"_dec, 10)));  // read before the event, answered after it
  EXPECT_EQ(views_.Held().at("BTCUSDT").quantity, "1"_dec);
  EXPECT_TRUE(views_.OnPosition(Position("0"_dec, 30)));
  EXPECT_TRUE(views_.Held().empty());
  EXPECT_FALSE(views_.OnPosition(Position("1"_dec, 20)));  // redelivered: a closed position does not rise again
  EXPECT_TRUE(views_.Held().empty());
}

TEST_F(ViewsTest, TheMarkPriceIsTheVenuesAndTheLastTradeOnlyStandsInForIt) {
  views_.OnTick(Tick("60000"_dec, "60100"_dec));
  views_.OnTick(Tick("60001"_dec, std::nullopt));
  EXPECT_EQ(views_.Market("BTCUSDT")->mark_price, "60100"_dec);
  EXPECT_EQ(views_.Market("BTCUSDT")->last_price, "60001"_dec);
  clock_.Advance(11s);
  views_.OnTick(Tick("60002"_dec, std::nullopt));
  EXPECT_FALSE(views_.Market("BTCUSDT")->mark_price.has_value());
  EXPECT_EQ(views_.Market("BTCUSDT")->mark_or_last(), "60002"_dec);
}

TEST_F(ViewsTest, AHeldPositionIsValuedAtTheMarkElseAtItsEntry) {
  views_.OnPosition(Position("-2"_dec, 1));
  EXPECT_EQ(views_.Held().at("BTCUSDT").price, "50000"_dec);
  views_.OnTick(Tick("60000"_dec, "60100"_dec));
  EXPECT_EQ(views_.Held().at("BTCUSDT").price, "60100"_dec);
}

TEST_F(ViewsTest, ADecisionCountsOnceTowardsTheOrderRateAndForAMinute) {
  views_.OnOrder("a", clock_.Now());
  views_.OnOrder("a", clock_.Now());
  views_.OnOrder("b", clock_.Now() - 2min);
  EXPECT_EQ(views_.OrdersLastMinute(), 1);
  clock_.Advance(61s);
  EXPECT_EQ(views_.OrdersLastMinute(), 0);
}

}  // namespace
}  // namespace quantum::risk_safety
