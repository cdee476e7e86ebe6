#include "exchange/paper/engine/engine.h"

#include <gtest/gtest.h>

#include "exchange/paper/engine/engine_fixture.h"
#include "exchange/paper/market/calibration.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;
using EngineTest = EngineFixture;

TEST_F(EngineTest, AMarketOrderWalksTheBookAndPaysTheTakerFee) {
  const auto placed = engine.Place(Market(Side::kBuy, "0.003"_dec), kNow);
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->status, Execution::kFilled);
  EXPECT_EQ(placed->filled, "0.003"_dec);
  // 0.002 at 60000.1 and 0.001 at 60000.2
  EXPECT_EQ(placed->quote, "180.0004"_dec);
  ASSERT_EQ(engine.account().fills().size(), 2u);
  EXPECT_EQ(engine.account().fills()[0].fee, "0.0600001"_dec);
  EXPECT_EQ(engine.account().wallet(), "10000"_dec - "0.0600001"_dec - "0.0300001"_dec);
  EXPECT_EQ(engine.account().symbol("BTCUSDT").position.quantity, "0.003"_dec);
}

TEST_F(EngineTest, WhatAnOrderTookIsNotOfferedAgainUntilTheLevelChanges) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  EXPECT_EQ(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow)->average(), "60000.2"_dec);
  Depth({}, {{"60000.1"_dec, "0.005"_dec}});
  EXPECT_EQ(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow)->average(), "60000.1"_dec);
}

TEST_F(EngineTest, TheNewestBookTickerIsTheBestOffer) {
  Ticker({"59999.9"_dec, "1"_dec}, {"60000.2"_dec, "4"_dec});
  EXPECT_EQ(engine.Place(Market(Side::kBuy, "2"_dec), kNow)->average(), "60000.2"_dec);
}

TEST_F(EngineTest, WhatTheBookCannotFillOfAMarketOrderExpires) {
  OrderRequest request = Market(Side::kBuy, "100"_dec);
  ASSERT_TRUE(engine.SetLeverage("BTCUSDT", 100, kNow).ok());
  request.quantity = "11"_dec;
  const auto placed = engine.Place(request, kNow);
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->status, Execution::kExpired);
  EXPECT_EQ(placed->filled, "10.002"_dec);
}

TEST_F(EngineTest, RefusesWhatTheFiltersForbid) {
  const auto code = [&](const OrderRequest& request) {
    const auto placed = engine.Place(request, kNow);
    return placed.ok() ? 0 : placed.error().code;
  };
  EXPECT_EQ(code(Market(Side::kBuy, "0.0005"_dec)), -1111);
  EXPECT_EQ(code(Market(Side::kBuy, "0"_dec)), -4003);
  EXPECT_EQ(code(Market(Side::kBuy, "0.001"_dec)), -4164);
  EXPECT_EQ(code(Limit(Side::kBuy, "0.01"_dec, "60000.05"_dec)), -4014);
  EXPECT_EQ(code(Limit(Side::kBuy, "0.01"_dec, "70000"_dec)), -4016);
  EXPECT_EQ(code(Limit(Side::kSell, "0.01"_dec, "50000"_dec)), -4024);
  EXPECT_EQ(code(Market(Side::kBuy, "5"_dec)), -2019);
  OrderRequest close = Market(Side::kSell, "0.01"_dec);
  close.reduce_only = true;
  EXPECT_EQ(code(close), -2022);
  OrderRequest elsewhere = Market(Side::kBuy, "1"_dec);
  elsewhere.symbol = "XRPUSDT";
  EXPECT_EQ(code(elsewhere), -1121);
  EXPECT_TRUE(engine.account().orders().empty());
}

TEST_F(EngineTest, ALimitOrderFillsOnlyWhenTheQueueAheadOfItWasTraded) {
  const auto placed = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->status, Execution::kNew);
  Trade("60000"_dec, "0.99"_dec, true);  // one was displayed there
  EXPECT_EQ(Status(*placed), Execution::kNew);
  Depth({{"60000"_dec, "0.2"_dec}}, {});  // cancels ahead of us count as behind us
  Trade("60000"_dec, "0.005"_dec, true);
  EXPECT_EQ(Status(*placed), Execution::kNew);
  Trade("60000"_dec, "0.01"_dec, false);  // a buyer took the offer: not our side
  EXPECT_EQ(Status(*placed), Execution::kNew);
  Trade("60000"_dec, "0.009"_dec, true);
  EXPECT_EQ(Status(*placed), Execution::kPartiallyFilled);
  EXPECT_EQ(engine.account().FindOrder(placed->order_id)->filled, "0.004"_dec);
  Trade("59999.9"_dec, "0.001"_dec, true);  // through our price: no more than was traded
  EXPECT_EQ(engine.account().FindOrder(placed->order_id)->filled, "0.005"_dec);
  Trade("59999.9"_dec, "0.02"_dec, true);
  EXPECT_EQ(Status(*placed), Execution::kFilled);
  EXPECT_TRUE(engine.account().fills().back().maker);
  EXPECT_EQ(engine.account().fills().back().price, "60000"_dec);
}

TEST_F(EngineTest, ALimitOrderFillsWhenTheOppositeBestReachesIt) {
  const auto placed = engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow);
  Ticker({"59999.8"_dec, "1"_dec}, {"59999.9"_dec, "0.004"_dec});
  EXPECT_EQ(engine.account().FindOrder(placed->order_id)->filled, "0.004"_dec);
  Ticker({"59999.8"_dec, "1"_dec}, {"60000"_dec, "3"_dec});
  EXPECT_EQ(Status(*placed), Execution::kFilled);
}

TEST_F(EngineTest, PostOnlyIsRefusedWhenItWouldTake) {
  OrderRequest request = Limit(Side::kBuy, "0.01"_dec, "60000.1"_dec);
  request.time_in_force = TimeInForce::kGtx;
  EXPECT_EQ(engine.Place(request, kNow).error().code, -5022);
  request.price = "60000"_dec;
  EXPECT_TRUE(engine.Place(request, kNow).ok());
}

TEST_F(EngineTest, FillOrKillFillsAllOrNothingAndImmediateOrCancelWhatItCan) {
  OrderRequest request = Limit(Side::kBuy, "0.003"_dec, "60000.1"_dec);
  request.time_in_force = TimeInForce::kFok;
  EXPECT_EQ(engine.Place(request, kNow).error().code, -5021);
  request.time_in_force = TimeInForce::kIoc;
  const auto placed = engine.Place(request, kNow);
  EXPECT_EQ(placed->status, Execution::kExpired);
  EXPECT_EQ(placed->filled, "0.002"_dec);
}

TEST_F(EngineTest, ReduceOnlyIsCutToThePosition) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  OrderRequest close = Market(Side::kSell, "0.5"_dec);
  close.reduce_only = true;
  const auto closed = engine.Place(close, kNow);
  EXPECT_EQ(closed->quantity, "0.002"_dec);
  EXPECT_EQ(closed->status, Execution::kFilled);
  EXPECT_TRUE(engine.account().symbol("BTCUSDT").position.is_flat());
}

TEST_F(EngineTest, RestingReduceOnlyOrdersExpireWhenThePositionIsGone) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  OrderRequest profit = Limit(Side::kSell, "0.002"_dec, "61000"_dec);
  profit.reduce_only = true;
  const auto resting = engine.Place(profit, kNow);
  ASSERT_TRUE(resting.ok()) << resting.error().message;
  OrderRequest close = Market(Side::kSell, "0.002"_dec);
  close.reduce_only = true;
  ASSERT_TRUE(engine.Place(close, kNow).ok());
  EXPECT_EQ(Status(*resting), Execution::kExpired);
}

TEST_F(EngineTest, OwnOrdersNeverMeet) {
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "60000"_dec), kNow).ok());
  const auto sell = engine.Place(Market(Side::kSell, "0.01"_dec), kNow);
  EXPECT_EQ(sell->status, Execution::kExpiredInMatch);
  EXPECT_TRUE(sell->filled.is_zero());
}

TEST_F(EngineTest, AnOpenClientIdIsRefusedAFinishedOneIsNot) {
  OrderRequest request = Limit(Side::kBuy, "0.01"_dec, "59000"_dec);
  request.client_id = "same";
  const auto first = engine.Place(request, kNow);
  EXPECT_EQ(engine.Place(request, kNow).error().code, -4116);
  ASSERT_TRUE(engine.Cancel(first->order_id, kNow).ok());
  EXPECT_TRUE(engine.Place(request, kNow).ok());
  EXPECT_EQ(engine.Cancel(first->order_id, kNow).error().code, -2011);
}

TEST_F(EngineTest, AStopSpawnsAMarketOrderUnderItsOwnClientId) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  const auto stop = engine.PlaceAlgo(Stop("59990"_dec, "0.002"_dec), kNow);
  ASSERT_TRUE(stop.ok()) << stop.error().message;
  engine.TakeOutput();
  Trade("59991"_dec, "0.1"_dec, true);
  EXPECT_EQ(engine.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kNew);
  Trade("59990"_dec, "0.1"_dec, true);
  const AlgoOrder& done = *engine.account().FindAlgo(stop->algo_id);
  EXPECT_EQ(done.status, AlgoStatus::kFinished);
  const PaperOrder& spawned = *engine.account().FindOrder(done.order_id);
  EXPECT_EQ(spawned.client_id, "the-stop");
  EXPECT_EQ(spawned.status, Execution::kFilled);
  EXPECT_EQ(spawned.original_type, "STOP_MARKET");
  EXPECT_TRUE(engine.account().symbol("BTCUSDT").position.is_flat());
  std::vector<std::string> told;
  for (const EngineEvent& event : engine.TakeOutput().events) {
    if (const auto* algo = std::get_if<AlgoEvent>(&event)) {
      told.push_back("ALGO " + std::string(ToString(algo->order.status)));
    } else if (const auto* order = std::get_if<OrderEvent>(&event)) {
      told.push_back("ORDER " + std::string(ToString(order->order.status)));
    }
  }
  EXPECT_EQ(told, (std::vector<std::string>{"ALGO TRIGGERING", "ALGO TRIGGERED", "ORDER NEW", "ORDER FILLED",
                                            "ALGO FINISHED"}));
}

TEST_F(EngineTest, AStopLeftBehindByItsPositionIsRejectedAtItsTrigger) {
  const auto stop = engine.PlaceAlgo(Stop("59990"_dec, "0.002"_dec), kNow);
  ASSERT_TRUE(stop.ok());
  Trade("59980"_dec, "0.1"_dec, true);
  EXPECT_EQ(engine.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kRejected);
  EXPECT_TRUE(engine.account().orders().empty());
}

TEST_F(EngineTest, AStopThatWouldTriggerAtOnceIsRefused) {
  EXPECT_EQ(engine.PlaceAlgo(Stop("60001"_dec, "0.002"_dec), kNow).error().code, -2021);
  AlgoRequest profit = Stop("59990"_dec, "0.002"_dec);
  profit.type = "TAKE_PROFIT_MARKET";
  EXPECT_EQ(engine.PlaceAlgo(profit, kNow).error().code, -2021);
}

TEST_F(EngineTest, MarkPriceStopsFollowTheMarkPrice) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  AlgoRequest request = Stop("59990"_dec, "0.002"_dec);
  request.on_mark_price = true;
  const auto stop = engine.PlaceAlgo(request, kNow);
  Trade("59000"_dec, "0.001"_dec, true);
  EXPECT_EQ(engine.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kNew);
  Ticker({"59980"_dec, "1"_dec}, {"59980.1"_dec, "1"_dec});
  for (size_t i = 0; i < SymbolMarket::kMarkSamples; ++i) {
    engine.SampleMarks(kNow);
  }
  EXPECT_EQ(engine.account().FindAlgo(stop->algo_id)->status, AlgoStatus::kFinished);
}

TEST_F(EngineTest, ACancelledStopNeverTriggers) {
  ASSERT_TRUE(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow).ok());
  const auto stop = engine.PlaceAlgo(Stop("59990"_dec, "0.002"_dec), kNow);
  ASSERT_TRUE(engine.CancelAlgo(stop->algo_id, kNow).ok());
  EXPECT_EQ(engine.CancelAlgo(stop->algo_id, kNow).error().code, -2011);
  Trade("59000"_dec, "0.1"_dec, true);
  EXPECT_EQ(engine.account().symbol("BTCUSDT").position.quantity, "0.002"_dec);
}

TEST_F(EngineTest, MarginFollowsLeverageAndOpenOrders) {
  ASSERT_TRUE(engine.SetLeverage("BTCUSDT", 10, kNow).ok());
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.1"_dec, "60000"_dec), kNow).ok());
  const Margin margin = ComputeMargin(engine.account(), engine.marks());
  EXPECT_EQ(margin.order_margin, "600"_dec);
  EXPECT_EQ(margin.available, "9400"_dec);
  EXPECT_EQ(engine.SetLeverage("BTCUSDT", 126, kNow).error().code, -4028);
}

TEST(FindRules, KnowsEverySymbolThatIsMadeUpAndNoOther) {
  for (int number = 0; number < kMadeUpSymbols; ++number) {
    const std::string symbol = MadeUpSymbol(number);
    const PaperRules* rules = FindRules(symbol);
    ASSERT_NE(rules, nullptr) << symbol;
    EXPECT_EQ(rules->rules.symbol, symbol);
    EXPECT_EQ(rules->base_asset + "USDT", symbol);
    ASSERT_TRUE(FindCalibration(symbol)) << symbol;
    EXPECT_EQ(FindCalibration(symbol)->start_price, kMadeUpStartPrice);
  }
  EXPECT_EQ(FindRules("QT100USDT"), nullptr);
  EXPECT_EQ(FindRules("XRPUSDT"), nullptr);
  EXPECT_EQ(FindRules("BNBUSDT")->base_asset, "BNB");
}

}  // namespace
}  // namespace quantum::paper
