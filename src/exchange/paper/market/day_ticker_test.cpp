#include "exchange/paper/market/day_ticker.h"

#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

using trading::operator""_dec;

constexpr int64_t kBegin = 20'000 * kDayMs;  // a day's beginning

void Trade(KlineSeries& minutes, int64_t id, int64_t time_ms, Decimal price, Decimal quantity) {
  minutes.Advance(time_ms);
  minutes.Add({"BTCUSDT", id, price, quantity, false, time_ms, time_ms});
}

TEST(DayTicker, TellsTheTradesOfTheLast24Hours) {
  KlineSeries minutes(60'000);
  Trade(minutes, 1, kBegin, "500"_dec, "9"_dec);  // forgotten a day later
  Trade(minutes, 2, kBegin + 60'000, "100"_dec, "1"_dec);
  Trade(minutes, 3, kBegin + kDayMs / 2, "120"_dec, "2"_dec);
  const int64_t now = kBegin + kDayMs + 30'000;
  Trade(minutes, 4, now, "110"_dec, "1"_dec);
  const DayTicker ticker = MakeDayTicker(minutes, "1"_dec, now);
  EXPECT_EQ(ticker.day.open_time, kBegin + 60'000);
  EXPECT_EQ(ticker.day.close_time, now);
  EXPECT_EQ(ticker.day.open, "100"_dec);
  EXPECT_EQ(ticker.day.high, "120"_dec);
  EXPECT_EQ(ticker.day.low, "100"_dec);
  EXPECT_EQ(ticker.day.close, "110"_dec);
  EXPECT_EQ(ticker.day.volume, "4"_dec);
  EXPECT_EQ(ticker.day.quote_volume, "450"_dec);
  EXPECT_EQ(ticker.day.first_trade_id, 2);
  EXPECT_EQ(ticker.day.last_trade_id, 4);
  EXPECT_EQ(ticker.day.trades, 3);
  EXPECT_EQ(ticker.change, "10"_dec);
  EXPECT_EQ(ticker.change_percent, "10"_dec);
  EXPECT_EQ(ticker.average, "112.5"_dec);
  EXPECT_EQ(ticker.last_quantity, "1"_dec);
}

TEST(DayTicker, OfADayWithoutTradesStandsAtTheLastPrice) {
  KlineSeries minutes(60'000);
  Trade(minutes, 1, kBegin, "500"_dec, "9"_dec);
  const int64_t now = kBegin + 2 * kDayMs;
  minutes.Advance(now);
  const DayTicker ticker = MakeDayTicker(minutes, "9"_dec, now);
  EXPECT_EQ(ticker.day.open, "500"_dec);
  EXPECT_EQ(ticker.day.close, "500"_dec);
  EXPECT_EQ(ticker.average, "500"_dec);
  EXPECT_EQ(ticker.day.trades, 0);
  EXPECT_EQ(ticker.day.first_trade_id, -1);
  EXPECT_EQ(ticker.change, Decimal());
}

}  // namespace
}  // namespace quantum::paper
