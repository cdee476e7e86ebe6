#include <gtest/gtest.h>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/engine/engine_fixture.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

class EngineAmendTest : public EngineFixture {
 protected:
  Answer<PaperOrder> Amend(const PaperOrder& order, Decimal quantity, Decimal price) {
    return engine.Amend({order.order_id, order.side, quantity, price}, kNow);
  }
  Decimal FilledOf(const PaperOrder& order) const { return engine.account().FindOrder(order.order_id)->filled; }
  std::vector<std::string> Executions() {
    std::vector<std::string> told;
    for (const EngineEvent& event : engine.TakeOutput().events) {
      if (const auto* order = std::get_if<OrderEvent>(&event)) {
        told.push_back(order->execution);
      }
    }
    return told;
  }
};

TEST_F(EngineAmendTest, AnOrderThatShrinksAtItsPriceKeepsItsPlace) {
  const auto first = engine.Place(Limit(Side::kBuy, "0.02"_dec, "60000"_dec), kNow);
  const auto second = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  ASSERT_TRUE(Amend(*first, "0.01"_dec, "60000"_dec).ok());
  Trade("60000"_dec, "1.01"_dec, true);  // one was displayed there
  EXPECT_EQ(Status(*first), Execution::kFilled);
  EXPECT_EQ(Status(*second), Execution::kNew);
}

TEST_F(EngineAmendTest, AnOrderThatGrowsGoesBehindTheOthersAtItsPrice) {
  const auto first = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  const auto second = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  ASSERT_TRUE(Amend(*first, "0.02"_dec, "60000"_dec).ok());
  Trade("60000"_dec, "1.01"_dec, true);
  EXPECT_EQ(Status(*first), Execution::kNew);
  EXPECT_EQ(Status(*second), Execution::kFilled);
}

TEST_F(EngineAmendTest, AnOrderThatMovesQueuesAnewAndComingBackDoesNotRestoreItsPlace) {
  const auto order = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  Trade("60000"_dec, "0.9"_dec, true);
  ASSERT_TRUE(Amend(*order, "0.01"_dec, "59999.9"_dec).ok());
  ASSERT_TRUE(Amend(*order, "0.01"_dec, "60000"_dec).ok());
  Trade("60000"_dec, "0.9"_dec, true);  // it would have been the first after 0.1
  EXPECT_EQ(Status(*order), Execution::kNew);
}

TEST_F(EngineAmendTest, AnAmendedPriceThatCrossesTakesAtOnce) {
  const auto order = engine.Place(Limit(Side::kBuy, "0.005"_dec, "59000"_dec), kNow);
  engine.TakeOutput();
  const auto amended = Amend(*order, "0.005"_dec, "60000.1"_dec);
  ASSERT_TRUE(amended.ok()) << amended.error().message;
  EXPECT_EQ(amended->filled, "0.002"_dec);
  EXPECT_EQ(amended->status, Execution::kPartiallyFilled);
  EXPECT_FALSE(engine.account().fills().back().maker);
  EXPECT_EQ(Executions(), (std::vector<std::string>{"AMENDMENT", "TRADE"}));
}

TEST_F(EngineAmendTest, APostOnlyOrderThatWouldTakeIsCancelledByItsAmendment) {
  OrderRequest request = Limit(Side::kBuy, "0.005"_dec, "59000"_dec);
  request.time_in_force = TimeInForce::kGtx;
  const auto order = engine.Place(request, kNow);
  EXPECT_EQ(Amend(*order, "0.005"_dec, "60000.1"_dec)->status, Execution::kCanceled);
}

TEST_F(EngineAmendTest, AQuantityThatIsFilledAlreadyCancelsTheRest) {
  const auto order = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  Trade("60000"_dec, "1.004"_dec, true);
  ASSERT_EQ(FilledOf(*order), "0.004"_dec);
  EXPECT_EQ(Amend(*order, "0.004"_dec, "60000"_dec)->status, Execution::kCanceled);
}

TEST_F(EngineAmendTest, RefusesWhatChangesNothingAndWhatTheFiltersForbidAndLeavesTheOrderAsItIs) {
  const auto order = engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow);
  EXPECT_EQ(Amend(*order, "0.01"_dec, "59000"_dec).error().code, -5027);
  EXPECT_EQ(Amend(*order, "0.01"_dec, "59000.05"_dec).error().code, -4014);
  EXPECT_EQ(Amend(*order, "0.01"_dec, "70000"_dec).error().code, -4016);
  EXPECT_EQ(Amend(*order, "0"_dec, "59000"_dec).error().code, -4003);
  EXPECT_EQ(Amend(*order, "0.001"_dec, "59000"_dec).error().code, -5029);
  EXPECT_EQ(Amend(*order, "5"_dec, "59000"_dec).error().code, -2019);
  EXPECT_EQ(engine.Amend({order->order_id, Side::kSell, "0.02"_dec, "59000"_dec}, kNow).error().code, -1117);
  EXPECT_EQ(engine.Amend({1, Side::kBuy, "0.02"_dec, "59000"_dec}, kNow).error().code, -2013);
  EXPECT_EQ(engine.account().FindOrder(order->order_id)->amendments, 0);
  ASSERT_TRUE(engine.Cancel(order->order_id, kNow).ok());
  EXPECT_EQ(Amend(*order, "0.02"_dec, "59000"_dec).error().code, -2013);
}

TEST_F(EngineAmendTest, OnlyWhatAnAmendmentAddsNeedsMargin) {
  const auto order = engine.Place(Limit(Side::kBuy, "3"_dec, "60000"_dec), kNow);
  ASSERT_TRUE(order.ok()) << order.error().message;
  EXPECT_EQ(Amend(*order, "3.3"_dec, "60000"_dec)->quantity, "3.3"_dec);
  EXPECT_EQ(Amend(*order, "3.4"_dec, "60000"_dec).error().code, -2019);
}

TEST_F(EngineAmendTest, TheDeadMansSwitchCancelsWhatIsOpenWhenNobodySetsItAgain) {
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow).ok());
  ASSERT_TRUE(engine.PlaceAlgo(Stop("59000"_dec, "0.01"_dec), kNow).ok());
  ASSERT_FALSE(engine.SetCountdown("BTCUSDT", 1000, kNow));
  ASSERT_FALSE(engine.SetCountdown("BTCUSDT", 1000, kNow + 900));
  engine.OnTime(kNow + 1899);
  EXPECT_EQ(engine.account().open_orders().size(), 1u);
  engine.OnTime(kNow + 1900);
  EXPECT_TRUE(engine.account().open_orders().empty());
  EXPECT_TRUE(engine.account().open_algos().empty());
  // Once: what comes later stays.
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow).ok());
  engine.OnTime(kNow + 10'000);
  EXPECT_EQ(engine.account().open_orders().size(), 1u);
}

TEST_F(EngineAmendTest, ADisarmedSwitchCancelsNothing) {
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow).ok());
  ASSERT_FALSE(engine.SetCountdown("BTCUSDT", 1000, kNow));
  ASSERT_FALSE(engine.SetCountdown("BTCUSDT", 0, kNow));
  engine.OnTime(kNow + 5000);
  EXPECT_EQ(engine.account().open_orders().size(), 1u);
}

TEST_F(EngineAmendTest, TheSwitchSparesConditionalOrdersWhereItIsToldTo) {
  EngineOptions options;
  options.countdown_spares_conditional = true;
  Account account = engine.account();
  account.Apply(CountdownSet{"BTCUSDT", 1000, kNow + 1000});
  AlgoOrder stop;
  stop.algo_id = account.next_algo_id();
  stop.symbol = "BTCUSDT";
  stop.type = "STOP_MARKET";
  account.Apply(AlgoChanged{stop});
  Engine other({"BTCUSDT"}, account, options);  // as after a restart: the deadline is in the account
  other.OnTime(kNow + 1000);
  EXPECT_EQ(other.account().open_algos().size(), 1u);
  EXPECT_TRUE(other.account().countdowns().empty());
  Engine strict({"BTCUSDT"}, account);
  strict.OnTime(kNow + 1000);
  EXPECT_TRUE(strict.account().open_algos().empty());
}

TEST_F(EngineAmendTest, ATrailingStopFollowsThePriceFromItsActivationOn) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  Trade("60000"_dec, "0.1"_dec, true);
  AlgoRequest request = Stop(Decimal(), "0.002"_dec);
  request.type = "TRAILING_STOP_MARKET";
  request.activate_price = "60100"_dec;
  request.callback_rate = "1"_dec;
  const auto stop = engine.PlaceAlgo(request, kNow);
  ASSERT_TRUE(stop.ok()) << stop.error().message;
  const auto status = [&] { return engine.account().FindAlgo(stop->algo_id)->status; };
  Trade("59000"_dec, "0.1"_dec, true);  // not active yet
  EXPECT_EQ(status(), AlgoStatus::kNew);
  Trade("60100"_dec, "0.1"_dec, true);
  Trade("61000"_dec, "0.1"_dec, true);
  Trade("60390.1"_dec, "0.1"_dec, true);  // one percent below 61000 is 60390
  EXPECT_EQ(status(), AlgoStatus::kNew);
  Trade("60390"_dec, "0.1"_dec, true);
  EXPECT_EQ(status(), AlgoStatus::kFinished);
  const PaperOrder& spawned = *engine.account().FindOrder("BTCUSDT", "the-stop");
  EXPECT_EQ(spawned.original_type, "TRAILING_STOP_MARKET");
  EXPECT_EQ(spawned.trigger_price, "60390"_dec);
  EXPECT_TRUE(engine.account().symbol("BTCUSDT").position.is_flat());
}

TEST_F(EngineAmendTest, ATrailingStopWithoutActivationFollowsAtOnceAndRemembersItsExtremeOverARestart) {
  ASSERT_TRUE(engine.Place(Market(Side::kSell, "0.002"_dec), kNow).ok());
  Trade("60000"_dec, "0.1"_dec, true);
  AlgoRequest request = Stop(Decimal(), "0.002"_dec);
  request.side = Side::kBuy;
  request.type = "TRAILING_STOP_MARKET";
  request.callback_rate = "1"_dec;
  const auto stop = engine.PlaceAlgo(request, kNow);
  ASSERT_TRUE(stop.ok()) << stop.error().message;
  Trade("59000"_dec, "0.1"_dec, true);
  Engine again({"BTCUSDT"}, engine.account());
  again.OnMarket({0, BookReset{"BTCUSDT", {100, {{"59000"_dec, "1"_dec}}, {{"59000.1"_dec, "1"_dec}}}}}, kNow);
  again.OnMarket({0, MarketTrade{"BTCUSDT", 1, "59589.9"_dec, "0.1"_dec, false, 0, 0}}, kNow);
  EXPECT_EQ(again.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kNew);
  again.OnMarket({0, MarketTrade{"BTCUSDT", 2, "59590"_dec, "0.1"_dec, false, 0, 0}}, kNow);
  EXPECT_EQ(again.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kFinished);
}

}  // namespace
}  // namespace quantum::paper
