#include "exchange/binance/decode_rest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::binance {
namespace {

using testing::HasSubstr;
using trading::OrderStatus;
using trading::OrderType;
using trading::Side;
using trading::operator""_dec;

TEST(DecodeRest, ReadsAnOrder) {
  const auto order = DecodeOrder(
      R"({"orderId":12345678,"symbol":"BTCUSDT","status":"PARTIALLY_FILLED","clientOrderId":"testOrder123",)"
      R"("price":"50000.00","avgPrice":"49999.123456789","origQty":"0.002","executedQty":"0.001","type":"LIMIT",)"
      R"("reduceOnly":true,"side":"BUY","stopPrice":"0.00","updateTime":1625474304765})");
  ASSERT_TRUE(order.ok()) << order.error().message;
  EXPECT_EQ(order->report.exchange_order_id, "12345678");
  EXPECT_EQ(order->report.status, OrderStatus::kPartiallyFilled);
  EXPECT_EQ(order->report.average_price, "49999.12345678"_dec);
  EXPECT_EQ(order->quantity, "0.002"_dec);
  EXPECT_TRUE(order->reduce_only);
}

TEST(DecodeRest, ReadsConditionalOrdersAndWhetherTheyTriggered) {
  const std::string base =
      R"({"algoId":123456789,"clientAlgoId":"qt-stop","algoType":"CONDITIONAL","orderType":"STOP_MARKET",)"
      R"("symbol":"BTCUSDT","side":"SELL","quantity":"0.001","triggerPrice":"45000.00","reduceOnly":true,)"
      R"("createTime":1,"updateTime":2,)";
  const auto waiting = DecodeAlgoOrder(base + R"("algoStatus":"NEW","actualOrderId":""})");
  ASSERT_TRUE(waiting.ok()) << waiting.error().message;
  EXPECT_FALSE(waiting->triggered);
  EXPECT_EQ(waiting->order.type, OrderType::kStopMarket);
  EXPECT_EQ(waiting->order.trigger_price, "45000"_dec);
  EXPECT_EQ(waiting->order.report.client_order_id, "qt-stop");
  const auto triggered = DecodeAlgoOrder(base + R"("algoStatus":"TRIGGERED","actualOrderId":"99"})");
  EXPECT_TRUE(triggered->triggered);
  EXPECT_EQ(triggered->spawned_order_id, "99");
}

TEST(DecodeRest, ReadsATrailingStop) {
  const auto trailing = DecodeAlgoOrder(
      R"({"algoId":7,"clientAlgoId":"qt-4","algoType":"CONDITIONAL","orderType":"TRAILING_STOP_MARKET","symbol":"BTCUSDT",)"
      R"("side":"SELL","quantity":"0.002","algoStatus":"NEW","triggerPrice":"","activatePrice":"60100.00",)"
      R"("callbackRate":"0.5","reduceOnly":true,"createTime":1})");
  ASSERT_TRUE(trailing.ok()) << trailing.error().message;
  EXPECT_EQ(trailing->order.type, OrderType::kTrailingStop);
  EXPECT_EQ(trailing->order.callback_percent, "0.5"_dec);
  EXPECT_EQ(trailing->order.activation_price, "60100"_dec);
  EXPECT_TRUE(trailing->order.trigger_price.is_zero());
}

TEST(DecodeRest, AHaltedSymbolKeepsItsRules) {
  const auto rules =
      DecodeRules(R"({"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","status":"BREAK","filters":[)"
                  R"({"filterType":"PRICE_FILTER","minPrice":"556.80","maxPrice":"4529764","tickSize":"0.10"},)"
                  R"({"filterType":"LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001"}]},)"
                  R"({"symbol":"OLDUSDT","contractType":"PERPETUAL","status":"CLOSE","filters":[]}]})");
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_FALSE(rules->front().trading);
  EXPECT_EQ(rules->front().tick_size, "0.1"_dec);
}

TEST(DecodeRest, ReadsTradingRules) {
  const auto rules = DecodeRules(
      R"({"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","status":"TRADING","filters":[)"
      R"({"filterType":"PRICE_FILTER","minPrice":"556.80","maxPrice":"4529764","tickSize":"0.10"},)"
      R"({"filterType":"LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001"},)"
      R"({"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","maxQty":"120","minQty":"0.001"},)"
      R"({"filterType":"MIN_NOTIONAL","notional":"100"},)"
      R"({"filterType":"PERCENT_PRICE","multiplierUp":"1.0500","multiplierDown":"0.9500","multiplierDecimal":"4"}]},)"
      R"({"symbol":"BTCUSDT_261225","contractType":"CURRENT_QUARTER","status":"TRADING","filters":[]}]})");
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_TRUE(rules->front().trading);
  EXPECT_EQ(rules->front().tick_size, "0.1"_dec);
  EXPECT_EQ(rules->front().market_max_quantity, "120"_dec);
  EXPECT_EQ(rules->front().min_notional, "100"_dec);
  EXPECT_EQ(rules->front().price_down, "0.95"_dec);
  const auto brackets = DecodeLeverageBrackets(
      R"([{"symbol":"BTCUSDT","brackets":[{"bracket":1,"initialLeverage":125,"maintMarginRatio":0.004},)"
      R"({"bracket":2,"initialLeverage":100,"maintMarginRatio":0.005}]}])");
  ASSERT_TRUE(brackets.ok()) << brackets.error().message;
  EXPECT_EQ(brackets->front().leverage_max, 125);
  EXPECT_EQ(brackets->front().maintenance_margin_ratio, "0.004"_dec);
}

TEST(DecodeRest, RulesWithoutFiltersAreRefused) {
  EXPECT_THAT(DecodeRules(R"({"symbols":[{"symbol":"X","filters":[]}]})").error().message, HasSubstr("filters"));
}

TEST(DecodeRest, ReadsPositionsFillsAndTheAccount) {
  const auto positions = DecodePositions(
      R"([{"symbol":"BTCUSDT","positionAmt":"-0.001","entryPrice":"50000.0","markPrice":"51000.0",)"
      R"("unRealizedProfit":"1.00000000","leverage":"20","positionSide":"BOTH"},)"
      R"({"symbol":"ETHUSDT","positionAmt":"0","entryPrice":"0","markPrice":"1","unRealizedProfit":"0","positionSide":"BOTH"}])");
  ASSERT_TRUE(positions.ok()) << positions.error().message;
  ASSERT_EQ(positions->size(), 1u);
  EXPECT_EQ(positions->front().quantity, "-0.001"_dec);
  EXPECT_EQ(positions->front().leverage, 20);
  const auto fills = DecodeFills(
      R"([{"symbol":"BTCUSDT","id":698759,"orderId":25851813,"side":"SELL","price":"7819.01","qty":"0.002",)"
      R"("commission":"-0.07819010","commissionAsset":"USDT","realizedPnl":"-0.91539999","maker":false,"time":1569514978020}])");
  ASSERT_TRUE(fills.ok()) << fills.error().message;
  EXPECT_EQ(fills->front().trade_id, 698759);
  EXPECT_EQ(fills->front().side, Side::kSell);
  EXPECT_EQ(fills->front().fee, "-0.0781901"_dec);
  const auto account = DecodeAccount(
      R"({"totalInitialMargin":"1.5","totalWalletBalance":"23.72469206","totalUnrealizedProfit":"-2","availableBalance":"20"})");
  ASSERT_TRUE(account.ok()) << account.error().message;
  EXPECT_EQ(account->wallet_balance, "23.72469206"_dec);
  EXPECT_EQ(account->unrealized_pnl, "-2"_dec);
}

TEST(DecodeRest, ReadsTheVenuesRequestLimits) {
  const auto limits = DecodeRateLimits(
      R"({"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":1200},)"
      R"({"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50},)"
      R"({"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000}]})");
  ASSERT_TRUE(limits.ok()) << limits.error().message;
  EXPECT_EQ(limits->weight_max, 1200);
  EXPECT_EQ(limits->orders_10s_max, 50);
  EXPECT_EQ(limits->orders_1m_max, 1200) << "not named: as before";
  EXPECT_THAT(DecodeRateLimits(R"({"rateLimits":[{}]})").error().message, HasSubstr("rateLimitType"));
}

TEST(DecodeRest, FundingReceivedIsPaidNegative) {
  const auto funding = DecodeFunding(
      R"([{"symbol":"BTCUSDT","incomeType":"FUNDING_FEE","income":"-0.37500000","asset":"USDT","info":"FUNDING_FEE",)"
      R"("time":1570608000000,"tranId":9689322392,"tradeId":""},)"
      R"({"symbol":"BTCUSDT","incomeType":"FUNDING_FEE","income":"0.1","asset":"USDT","time":1570608000001,"tranId":9689322393}])");
  ASSERT_TRUE(funding.ok()) << funding.error().message;
  ASSERT_EQ(funding->size(), 2u);
  EXPECT_EQ(funding->at(0).paid, "0.375"_dec);
  EXPECT_EQ(funding->at(0).id, 9689322392);
  EXPECT_EQ(funding->at(1).paid, "-0.1"_dec);
}

TEST(DecodeRest, RefusesAnAccountInHedgeMode) {
  const auto positions = DecodePositions(
      R"([{"symbol":"BTCUSDT","positionAmt":"1","entryPrice":"1","markPrice":"1","unRealizedProfit":"0","positionSide":"LONG"}])");
  EXPECT_EQ(positions.error().code, Errc::kConflict);
}

TEST(DecodeRest, ReadsKlinesAndSnapshots) {
  const auto klines = DecodeKlines(
      R"([[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,)"
      R"("2434.19055334",308,"1756.87402397","28.46694368","17928899.62484339"]])");
  ASSERT_TRUE(klines.ok()) << klines.error().message;
  EXPECT_EQ(klines->front().open_time, 1499040000000);
  EXPECT_EQ(klines->front().trades, 308);
  EXPECT_EQ(klines->front().taker_buy, "1756.87402397"_dec);
  const auto depth =
      DecodeDepthSnapshot(R"({"lastUpdateId":1027024,"E":1,"T":1,"bids":[["4.0","431"]],"asks":[["4.2","12"]]})");
  ASSERT_TRUE(depth.ok());
  EXPECT_EQ(depth->last_update_id, 1027024);
  EXPECT_EQ(depth->asks[0].price, "4.2"_dec);
}

TEST(DecodeRest, NamesWhatIsWrong) {
  EXPECT_THAT(DecodeKlines(R"([[1,"x"]])").error().message, HasSubstr("kline[1]"));
  EXPECT_THAT(DecodeDepthSnapshot(R"({"bids":[],"asks":[]})").error().message, HasSubstr("lastUpdateId is missing"));
  EXPECT_THAT(DecodeOrder("{}").error().message, HasSubstr("order: field symbol is missing"));
  EXPECT_THAT(DecodeServerTime("[]").error().message, HasSubstr("not an object"));
  EXPECT_THAT(DecodeListenKey(R"({"listenKey":""})").error().message, HasSubstr("empty"));
}

}  // namespace
}  // namespace quantum::binance
