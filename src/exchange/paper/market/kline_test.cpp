#include "exchange/paper/market/kline.h"

#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

using trading::operator""_dec;

MarketTrade Trade(int64_t id, int64_t time_ms, Decimal price, Decimal quantity, bool buyer_is_maker = false) {
  return {"BTCUSDT", id, price, quantity, buyer_is_maker, time_ms, time_ms};
}

TEST(KlineSeries, BuildsCandlesFromTrades) {
  KlineSeries series(5000);
  series.Add(Trade(1, 10'001, "100"_dec, "1"_dec));
  series.Add(Trade(2, 10'002, "103"_dec, "2"_dec, true));
  series.Add(Trade(3, 14'999, "99"_dec, "1"_dec));
  const std::vector<Kline> closed = series.Advance(15'000);
  ASSERT_EQ(closed.size(), 1u);
  const Kline& kline = closed[0];
  EXPECT_EQ(kline.open_time, 10'000);
  EXPECT_EQ(kline.close_time, 14'999);
  EXPECT_EQ(kline.open, "100"_dec);
  EXPECT_EQ(kline.high, "103"_dec);
  EXPECT_EQ(kline.low, "99"_dec);
  EXPECT_EQ(kline.close, "99"_dec);
  EXPECT_EQ(kline.volume, "4"_dec);
  EXPECT_EQ(kline.quote_volume, "405"_dec);
  EXPECT_EQ(kline.taker_buy, "2"_dec);
  EXPECT_EQ(kline.trades, 3);
  EXPECT_EQ(kline.first_trade_id, 1);
  EXPECT_EQ(kline.last_trade_id, 3);
}

TEST(KlineSeries, FillsASilenceWithFlatCandles) {
  KlineSeries series(5000);
  series.Add(Trade(1, 10'001, "100"_dec, "1"_dec));
  const std::vector<Kline> closed = series.Advance(25'000);
  ASSERT_EQ(closed.size(), 3u);
  EXPECT_EQ(closed[2].open_time, 20'000);
  EXPECT_EQ(closed[2].close, "100"_dec);
  EXPECT_EQ(closed[2].trades, 0);
  series.Add(Trade(2, 25'001, "105"_dec, "1"_dec));
  EXPECT_EQ(series.current()->low, "105"_dec);
}

TEST(KlineSeries, RebuildsAnInterruptedCandleFromFinerOnes) {
  KlineSeries fine(5000);
  fine.Add(Trade(1, 60'001, "100"_dec, "1"_dec));
  fine.Add(Trade(2, 60'002, "97"_dec, "1"_dec));
  const std::vector<Kline> first = fine.Advance(65'000);
  fine.Add(Trade(3, 65'001, "105"_dec, "2"_dec, true));
  const std::vector<Kline> second = fine.Advance(70'000);
  KlineSeries coarse(60'000);
  coarse.Absorb(first.at(0));
  coarse.Absorb(second.at(0));
  ASSERT_TRUE(coarse.current());
  const Kline& kline = *coarse.current();
  EXPECT_EQ(kline.open_time, 60'000);
  EXPECT_EQ(kline.close_time, 119'999);
  EXPECT_EQ(kline.open, "100"_dec);
  EXPECT_EQ(kline.low, "97"_dec);
  EXPECT_EQ(kline.close, "105"_dec);
  EXPECT_EQ(kline.volume, "4"_dec);
  EXPECT_EQ(kline.taker_buy, "2"_dec);
  EXPECT_EQ(kline.trades, 3);
}

// What a series of three minutes would have built from the same trades.
TEST(KlineSeries, ToldByAFinerOneIsWhatTheTradesTell) {
  KlineSeries fine(60'000);
  KlineSeries coarse(180'000);
  for (int64_t i = 0; i < 100; ++i) {
    if (i % 10 > 6) {
      continue;  // minutes without a trade
    }
    const MarketTrade trade =
        Trade(i + 1, 61'000 + i * 25'000, Decimal::FromInt(100 + i * 37 % 11), Decimal::FromInt(1 + i % 3), i % 2 == 0);
    fine.Advance(trade.time_ms);
    coarse.Advance(trade.time_ms);
    fine.Add(trade);
    coarse.Add(trade);
  }
  const std::vector<Kline> told = fine.Folded(180'000);
  const std::vector<Kline> built = coarse.Since(0);
  ASSERT_EQ(told.size(), built.size());
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].open_time, built[i].open_time);
    EXPECT_EQ(told[i].close_time, built[i].close_time);
    EXPECT_EQ(told[i].open, built[i].open);
    EXPECT_EQ(told[i].high, built[i].high);
    EXPECT_EQ(told[i].low, built[i].low);
    EXPECT_EQ(told[i].close, built[i].close);
    EXPECT_EQ(told[i].volume, built[i].volume);
    EXPECT_EQ(told[i].quote_volume, built[i].quote_volume);
    EXPECT_EQ(told[i].taker_buy, built[i].taker_buy);
    EXPECT_EQ(told[i].taker_buy_quote, built[i].taker_buy_quote);
    EXPECT_EQ(told[i].first_trade_id, built[i].first_trade_id);
    EXPECT_EQ(told[i].last_trade_id, built[i].last_trade_id);
    EXPECT_EQ(told[i].trades, built[i].trades);
  }
}

TEST(KlineSeries, DoesNotTellACandleWhoseBeginningIsKeptNoLonger) {
  KlineSeries series(60'000);
  series.Add(Trade(1, 60'000, "100"_dec, "1"_dec));
  EXPECT_EQ(series.Folded(180'000).front().open_time, 0);  // of a market that began within it
  series.Advance((static_cast<int64_t>(KlineSeries::kKept) + 2) * 60'000);
  EXPECT_EQ(series.Since(0).front().open_time, 120'000);
  EXPECT_EQ(series.Folded(180'000).front().open_time, 180'000);
}

TEST(KlineSeries, SelectsTheNewestOrFromAStart) {
  KlineSeries series(5000);
  series.Add(Trade(1, 10'001, "100"_dec, "1"_dec));
  series.Advance(31'000);
  const auto newest = Select(series.Since(0), std::nullopt, std::nullopt, 2);
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[1].open_time, 30'000);
  const auto from = Select(series.Since(0), 15'000, std::nullopt, 2);
  ASSERT_EQ(from.size(), 2u);
  EXPECT_EQ(from[0].open_time, 15'000);
}

}  // namespace
}  // namespace quantum::paper
