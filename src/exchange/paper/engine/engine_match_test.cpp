// Orders of the account among themselves: who is filled first, who gives way, what is cut.
#include <gtest/gtest.h>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/engine/engine_fixture.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

class EngineMatchTest : public EngineFixture {
 protected:
  Decimal FilledOf(const PaperOrder& order) const { return engine.account().FindOrder(order.order_id)->filled; }
  PaperOrder Rest(Side side, Decimal quantity, Decimal price) {
    const auto placed = engine.Place(Limit(side, quantity, price), kNow);
    EXPECT_TRUE(placed.ok() && placed->status == Execution::kNew);
    return *placed;
  }
  Answer<PaperOrder> Meet(SelfTradePrevention mode, Decimal quantity = "0.02"_dec) {
    OrderRequest request = Market(Side::kSell, quantity);
    request.self_trade = mode;
    return engine.Place(request, kNow);
  }
};

TEST_F(EngineMatchTest, ABetterPriceIsFilledFirstWhoeverCameFirst) {
  const PaperOrder worse = Rest(Side::kBuy, "0.01"_dec, "59999"_dec);
  const PaperOrder better = Rest(Side::kBuy, "0.01"_dec, "59999.5"_dec);
  Trade("59998"_dec, "0.015"_dec, true);
  EXPECT_EQ(FilledOf(better), "0.01"_dec);
  EXPECT_EQ(FilledOf(worse), "0.005"_dec);
}

TEST_F(EngineMatchTest, AtOnePriceTheEarlierIsFilledFirstAndOthersBetweenThemAreServed) {
  const PaperOrder first = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  Depth({{"60000"_dec, "3"_dec}}, {});
  const PaperOrder second = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  Trade("60000"_dec, "1.012"_dec, true);  // one ahead of the first
  EXPECT_EQ(FilledOf(first), "0.01"_dec);
  EXPECT_TRUE(FilledOf(second).is_zero());
  Trade("60000"_dec, "1.998"_dec, true);  // two less 0.002 stand between
  EXPECT_TRUE(FilledOf(second).is_zero());
  Trade("60000"_dec, "0.004"_dec, true);
  EXPECT_EQ(FilledOf(second), "0.004"_dec);
}

TEST_F(EngineMatchTest, OneTradeIsSharedAndNeverFillsMoreThanWasTraded) {
  std::vector<PaperOrder> orders;
  for (int i = 0; i < 5; ++i) {
    orders.push_back(Rest(Side::kBuy, "0.01"_dec, "59999"_dec + Decimal::FromRaw(i * Decimal::kOne / 10)));
  }
  Trade("59990"_dec, "0.025"_dec, true);
  Decimal filled;
  for (const PaperOrder& order : orders) {
    filled += FilledOf(order);
  }
  EXPECT_EQ(filled, "0.025"_dec);
}

TEST_F(EngineMatchTest, ACancelledOrderOfOursNoLongerStandsBeforeTheNext) {
  const PaperOrder first = Rest(Side::kBuy, "0.05"_dec, "60000"_dec);
  const PaperOrder second = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  ASSERT_TRUE(engine.Cancel(first.order_id, kNow).ok());
  Trade("60000"_dec, "1.01"_dec, true);
  EXPECT_EQ(FilledOf(second), "0.01"_dec);
}

TEST_F(EngineMatchTest, ExpireTakerEndsTheIncomingOrder) {
  const PaperOrder own = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  EXPECT_EQ(Meet(SelfTradePrevention::kExpireTaker)->status, Execution::kExpiredInMatch);
  EXPECT_EQ(Status(own), Execution::kNew);
}

TEST_F(EngineMatchTest, ExpireMakerEndsTheRestingOrderAndTheIncomingOneGoesOn) {
  const PaperOrder own = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  const auto incoming = Meet(SelfTradePrevention::kExpireMaker);
  EXPECT_EQ(Status(own), Execution::kExpiredInMatch);
  EXPECT_EQ(incoming->status, Execution::kFilled);
  EXPECT_EQ(incoming->average(), "60000"_dec);
}

TEST_F(EngineMatchTest, ExpireBothEndsBoth) {
  const PaperOrder own = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  EXPECT_EQ(Meet(SelfTradePrevention::kExpireBoth)->status, Execution::kExpiredInMatch);
  EXPECT_EQ(Status(own), Execution::kExpiredInMatch);
  EXPECT_TRUE(engine.account().fills().empty());
}

TEST_F(EngineMatchTest, NoneLetsThemTradeWithEachOther) {
  const PaperOrder own = Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  const auto incoming = Meet(SelfTradePrevention::kNone);
  EXPECT_EQ(Status(own), Execution::kFilled);
  EXPECT_EQ(incoming->status, Execution::kFilled);
  ASSERT_EQ(engine.account().fills().size(), 3u);  // two of the meeting, one of what others bought
  EXPECT_TRUE(engine.account().fills()[0].maker);
  EXPECT_FALSE(engine.account().fills()[1].maker);
  EXPECT_EQ(engine.account().symbol("BTCUSDT").position.quantity, "-0.01"_dec);
}

TEST_F(EngineMatchTest, AFillOrKillCountsWhatItsSelfTradePreventionLetsItReach) {
  Rest(Side::kBuy, "0.01"_dec, "60000"_dec);
  OrderRequest request = Limit(Side::kSell, "0.02"_dec, "59999.9"_dec);
  request.time_in_force = TimeInForce::kFok;
  EXPECT_EQ(engine.Place(request, kNow).error().code, -5021);
  request.self_trade = SelfTradePrevention::kExpireMaker;
  EXPECT_EQ(engine.Place(request, kNow)->status, Execution::kFilled);
}

TEST_F(EngineMatchTest, RestingReduceOnlyOrdersAreCutToThePositionThatIsLeft) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.02"_dec), kNow).ok());
  OrderRequest request = Limit(Side::kSell, "0.02"_dec, "61000"_dec);
  request.reduce_only = true;
  const auto resting = engine.Place(request, kNow);
  ASSERT_TRUE(resting.ok()) << resting.error().message;
  engine.TakeOutput();
  ASSERT_TRUE(engine.Place(Market(Side::kSell, "0.015"_dec), kNow).ok());
  EXPECT_EQ(engine.account().FindOrder(resting->order_id)->quantity, "0.005"_dec);
  const auto& events = engine.TakeOutput().events;
  const auto cut = std::find_if(events.begin(), events.end(), [&](const EngineEvent& event) {
    const auto* order = std::get_if<OrderEvent>(&event);
    return order != nullptr && order->order.order_id == resting->order_id;
  });
  ASSERT_NE(cut, events.end());
  EXPECT_EQ(std::get<OrderEvent>(*cut).execution, "AMENDMENT");
  Trade("61001"_dec, "1"_dec, false);
  EXPECT_EQ(Status(*resting), Execution::kFilled);
  EXPECT_TRUE(engine.account().symbol("BTCUSDT").position.is_flat());
}

}  // namespace
}  // namespace quantum::paper
