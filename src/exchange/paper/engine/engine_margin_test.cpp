// Brackets, isolated margin, funding and liquidation.
#include <gtest/gtest.h>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/engine/engine_fixture.h"
#include "exchange/paper/engine/margin.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

constexpr int64_t kInterval = 8LL * 3600 * 1000;

class EngineMarginTest : public EngineFixture {
 protected:
  Margin MarginNow() const { return ComputeMargin(engine.account(), engine.marks()); }
  const Account::Symbol& Held() const { return engine.account().symbol("BTCUSDT"); }
  void MoveTo(Decimal bid) {
    Ticker({bid, "1"_dec}, {bid + "0.1"_dec, "1"_dec});
    for (size_t i = 0; i < SymbolMarket::kMarkSamples; ++i) {
      engine.SampleMarks(kNow);
    }
  }
  // 0.5 bought at 20 times: some 30,000 with 1,500 of initial margin.
  void BuyHalf() {
    const auto bought = engine.Place(Market(Side::kBuy, "0.5"_dec), kNow);
    ASSERT_TRUE(bought.ok()) << bought.error().message;
    engine.TakeOutput();
  }
  template <class Event>
  static std::vector<Event> Of(const std::vector<EngineEvent>& events) {
    std::vector<Event> found;
    for (const EngineEvent& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) {
        found.push_back(*one);
      }
    }
    return found;
  }
  void Lose(Decimal amount) {  // by a funding that was paid
    Account account = engine.account();
    account.Apply(FundingSettled{1, "BTCUSDT", {}, {}, amount, 0, kNow});
    engine = Engine({"BTCUSDT"}, account);
    BookReset reset{"BTCUSDT", {100, {{"60000"_dec, "1"_dec}}, {{"60000.1"_dec, "1"_dec}}}};
    engine.OnMarket({0, reset}, kNow);
  }
};

TEST_F(EngineMarginTest, MaintenanceMarginIsContinuousOverTheBrackets) {
  for (const char* name : {"BTCUSDT", "ETHUSDT"}) {
    const PaperRules& rules = *FindRules(name);
    for (size_t i = 1; i < rules.brackets.size(); ++i) {
      const LeverageBracket& below = rules.brackets[i - 1];
      const LeverageBracket& above = rules.brackets[i];
      EXPECT_EQ(above.floor, below.cap);
      EXPECT_LT(above.leverage_max, below.leverage_max);
      EXPECT_EQ(below.cap.Times(below.maintenance_rate) - below.cumulative,
                below.cap.Times(above.maintenance_rate) - above.cumulative);
    }
  }
  const PaperRules& btc = *FindRules("BTCUSDT");
  EXPECT_EQ(btc.MaintenanceMargin("100000"_dec), "400"_dec);
  EXPECT_EQ(btc.MaintenanceMargin("500000"_dec), "2200"_dec);  // 0.5 % less 300
  EXPECT_EQ(btc.MaxNotional(125), "300000"_dec);
  EXPECT_EQ(btc.MaxNotional(20), "100000000"_dec);
  EXPECT_EQ(btc.MaxNotional(21), "70000000"_dec);
}

TEST_F(EngineMarginTest, ALeverageAllowsOnlyItsBracketsNotional) {
  ASSERT_TRUE(engine.SetLeverage("BTCUSDT", 125, kNow).ok());
  EXPECT_EQ(engine.Place(Limit(Side::kBuy, "5.1"_dec, "60000"_dec), kNow).error().code, -2027);
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "4.9"_dec, "60000"_dec), kNow).ok());
  EXPECT_EQ(engine.Place(Limit(Side::kBuy, "0.2"_dec, "60000"_dec), kNow).error().code, -2027);
  ASSERT_TRUE(engine.SetLeverage("BTCUSDT", 100, kNow).ok());
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.2"_dec, "60000"_dec), kNow).ok());
  EXPECT_EQ(engine.SetLeverage("BTCUSDT", 125, kNow).error().code, -2027);
  EXPECT_EQ(engine.SetLeverage("BTCUSDT", 10, kNow).error().code, -2028);
}

TEST_F(EngineMarginTest, AnIsolatedPositionTakesItsMarginOutOfTheCrossWalletAndGivesItBack) {
  ASSERT_FALSE(engine.SetMarginType("BTCUSDT", true));
  BuyHalf();
  const Decimal notional = Held().position.entry_price.Times("0.5"_dec);
  EXPECT_GE(Held().isolated_wallet, notional.DividedBy("20"_dec));
  EXPECT_LE(Held().isolated_wallet, notional.DividedBy("20"_dec) + "0.00000005"_dec);
  EXPECT_EQ(MarginNow().cross_wallet, engine.account().wallet() - Held().isolated_wallet);
  // What an isolated position wins is not there for others.
  const Decimal available = MarginNow().available;
  MoveTo("61000"_dec);
  EXPECT_EQ(MarginNow().available, available);
  const Decimal before = Held().isolated_wallet;
  OrderRequest close = Market(Side::kSell, "0.25"_dec);
  ASSERT_TRUE(engine.Place(close, kNow).ok());
  EXPECT_LE((Held().isolated_wallet - before.DividedBy("2"_dec)).Abs(), "0.00000001"_dec);
  ASSERT_TRUE(engine.Place(close, kNow).ok());
  EXPECT_TRUE(Held().isolated_wallet.is_zero());
}

TEST_F(EngineMarginTest, MarginTypeChangesOnlyWhereNothingIsOpen) {
  EXPECT_EQ(engine.SetMarginType("BTCUSDT", false)->code, -4046);
  const auto order = engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow);
  EXPECT_EQ(engine.SetMarginType("BTCUSDT", true)->code, -4047);
  ASSERT_TRUE(engine.Cancel(order->order_id, kNow).ok());
  BuyHalf();
  EXPECT_EQ(engine.SetMarginType("BTCUSDT", true)->code, -4048);
}

TEST_F(EngineMarginTest, FundingIsPaidOnceAtEachIntervalOfMarketTime) {
  BuyHalf();
  const Decimal before = engine.account().wallet();
  const int64_t due = kNow / kInterval * kInterval + kInterval;
  engine.OnMarketTime(due - 2, kNow);
  engine.OnMarketTime(due - 1, kNow);
  EXPECT_TRUE(engine.account().fundings().empty());
  engine.OnMarketTime(due, kNow + 5);
  engine.OnMarketTime(due + 1, kNow + 6);
  ASSERT_EQ(engine.account().fundings().size(), 1u);
  const FundingSettled& funding = engine.account().fundings().front();
  EXPECT_EQ(funding.rate, "0.0001"_dec);  // the interest: mark and mid are one here
  EXPECT_EQ(funding.paid, "0.5"_dec.Times(funding.mark_price).Times(funding.rate));
  EXPECT_EQ(funding.funding_ms, due);
  EXPECT_EQ(engine.account().wallet(), before - funding.paid);
  EXPECT_EQ(Held().position.funding, funding.paid);
  const auto told = Of<AccountEvent>(engine.TakeOutput().events);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].reason, "FUNDING_FEE");
  EXPECT_EQ(told[0].change, -funding.paid);
  EXPECT_FALSE(told[0].tells_position);  // of a cross position
  // A pause over several intervals settles the last one alone.
  engine.OnMarketTime(due + 5 * kInterval, kNow);
  EXPECT_EQ(engine.account().fundings().size(), 2u);
}

TEST_F(EngineMarginTest, AShortReceivesWhatALongPays) {
  ASSERT_TRUE(engine.Place(Market(Side::kSell, "0.5"_dec), kNow).ok());
  const Decimal before = engine.account().wallet();
  engine.OnMarketTime(kInterval * 1000, kNow);
  engine.OnMarketTime(kInterval * 1001, kNow);
  EXPECT_GT(engine.account().wallet(), before);
}

TEST_F(EngineMarginTest, ThePremiumMovesTheFundingRateWithinItsBounds) {
  EXPECT_EQ(engine.FundingRate("BTCUSDT"), "0.0001"_dec);
  // The mark price follows the mid price: a market that rises all the time stands above it.
  for (int i = 1; i <= 60; ++i) {
    const Decimal bid = "60000"_dec + Decimal::FromInt(100 * i);
    Ticker({bid, "1"_dec}, {bid + "0.1"_dec, "1"_dec});
    engine.SampleMarks(kNow);
  }
  EXPECT_GT(engine.FundingRate("BTCUSDT"), "0.0005"_dec);
  EXPECT_LE(engine.FundingRate("BTCUSDT"), "0.003"_dec);
}

TEST_F(EngineMarginTest, ALiquidationIsCalledThenCancelsThenClosesByForce) {
  BuyHalf();
  ASSERT_TRUE(engine.Place(Limit(Side::kBuy, "0.01"_dec, "58000"_dec), kNow).ok());
  ASSERT_TRUE(engine.PlaceAlgo(Stop("30000"_dec, "0.5"_dec), kNow).ok());
  Lose("9000"_dec);
  const Decimal price = MarginNow().symbols.at("BTCUSDT").liquidation_price;
  EXPECT_GT(price, "57000"_dec);
  MoveTo(price + "400"_dec);
  EXPECT_TRUE(Of<MarginCallEvent>(engine.TakeOutput().events).empty());
  MoveTo(price + "50"_dec);
  EXPECT_EQ(Of<MarginCallEvent>(engine.TakeOutput().events).size(), 1u);
  EXPECT_EQ(engine.account().open_orders().size(), 1u);
  MoveTo(price + "2"_dec);
  EXPECT_FALSE(Held().position.is_flat());
  EXPECT_TRUE(engine.TakeOutput().events.empty()) << "a call is told once";
  MoveTo(price - "2"_dec);
  EXPECT_TRUE(Held().position.is_flat());
  EXPECT_TRUE(engine.account().open_orders().empty());
  const auto told = Of<OrderEvent>(engine.TakeOutput().events);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].execution, "CANCELED");
  EXPECT_EQ(told[1].execution, "NEW");
  EXPECT_EQ(told[2].execution, "CALCULATED");
  EXPECT_TRUE(told[1].order.client_id.starts_with("autoclose-"));
  EXPECT_EQ(told[2].order.status, Execution::kFilled);
  const PaperFill& fill = *told[2].fill;
  EXPECT_EQ(fill.price, price.RoundTo("0.1"_dec, trading::Rounding::kDown) - "2"_dec);
  EXPECT_TRUE(fill.liquidation_fee.is_positive());
  EXPECT_LE(fill.liquidation_fee, fill.price.Times(fill.quantity).Times(LiquidationFee()));
  EXPECT_FALSE(engine.account().wallet().is_negative());
}

TEST_F(EngineMarginTest, WhatNobodyTakesInALiquidationIsTakenOverAtThePriceOfRuin) {
  BuyHalf();
  Lose("9000"_dec);
  MoveTo("50000"_dec);  // far through the price at which nothing was left
  EXPECT_TRUE(Held().position.is_flat());
  EXPECT_FALSE(engine.account().wallet().is_negative());
  EXPECT_LT(engine.account().wallet(), "0.1"_dec);
}

TEST_F(EngineMarginTest, AnAccountWithoutMoneyIsToldSo) {
  Lose("10000"_dec);
  EXPECT_EQ(engine.Place(Market(Side::kBuy, "0.01"_dec), kNow).error().code, -2018);
}

TEST_F(EngineMarginTest, AnIsolatedLiquidationLeavesTheRestOfTheWalletAlone) {
  ASSERT_FALSE(engine.SetMarginType("BTCUSDT", true));
  BuyHalf();
  const Decimal isolated = Held().isolated_wallet;
  const Decimal wallet = engine.account().wallet();
  const Decimal price = MarginNow().symbols.at("BTCUSDT").liquidation_price;
  EXPECT_LT(price, "57500"_dec);
  EXPECT_GT(price, "57000"_dec);
  MoveTo(price + "1"_dec);
  EXPECT_FALSE(Held().position.is_flat());
  MoveTo("55000"_dec);
  EXPECT_TRUE(Held().position.is_flat());
  EXPECT_TRUE(Held().isolated_wallet.is_zero());
  EXPECT_GE(engine.account().wallet(), wallet - isolated);
  EXPECT_LT(engine.account().wallet(), wallet - isolated + "0.1"_dec);
}

}  // namespace
}  // namespace quantum::paper
