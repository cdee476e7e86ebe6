#include "services/marketdata/kline_builder.h"

#include <gtest/gtest.h>

#include <map>

#include "exchange/binance/decode_market.h"
#include "exchange/recording/recording.h"
#include "tests/support/market_data.h"

namespace quantum::marketdata {
namespace {

using exchange::MarketTrade;
using trading::Decimal;
using trading::operator""_dec;
using trading::event::Kline;

class Trades {
 public:
  MarketTrade At(int64_t time_ms, Decimal price, Decimal quantity = "1"_dec, bool buyer_is_maker = false) {
    return {.symbol = "BTCUSDT",
            .trade_id = ++id_,
            .price = price,
            .quantity = quantity,
            .buyer_is_maker = buyer_is_maker,
            .time_ms = time_ms,
            .event_ms = time_ms};
  }

 private:
  int64_t id_ = 0;
};

TEST(Interval, IsANumberOfSecondsMinutesOrHoursThatDividesADay) {
  EXPECT_EQ(ParseInterval("5s")->ms, 5'000);
  EXPECT_EQ(ParseInterval("1m")->ms, 60'000);
  EXPECT_EQ(ParseInterval("24h")->ms, 86'400'000);
  for (const char* text : {"", "5", "s", "0s", "7s", "-5s", "5d", "25h", "5 s", "99999999999999999999h"}) {
    EXPECT_FALSE(ParseInterval(text).ok()) << text;
  }
}

TEST(KlineBuilder, BuildsACandleFromItsTradesAndClosesItWithTheFirstOneAfterIt) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  EXPECT_TRUE(builder.OnTrade(trades.At(3'000, "90"_dec), false).empty());
  ASSERT_EQ(builder.OnTrade(trades.At(5'000, "100"_dec, "2"_dec), false).size(), 1u);
  builder.OnTrade(trades.At(6'000, "103"_dec, "1"_dec, true), false);
  builder.OnTrade(trades.At(9'999, "99"_dec, "0.5"_dec), false);
  const auto closed = builder.OnTrade(trades.At(10'000, "101"_dec), false);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_TRUE(closed[0].complete);
  const Kline& kline = closed[0].kline;
  EXPECT_EQ(kline.open_time, 5'000);
  EXPECT_EQ(kline.open, "100"_dec);
  EXPECT_EQ(kline.high, "103"_dec);
  EXPECT_EQ(kline.low, "99"_dec);
  EXPECT_EQ(kline.close, "99"_dec);
  EXPECT_EQ(kline.volume, "3.5"_dec);
  EXPECT_EQ(kline.taker_buy, "2.5"_dec);
  EXPECT_EQ(kline.trades, 3);
  EXPECT_TRUE(kline.closed);
}

TEST(KlineBuilder, TheCandleInWhichListeningBeganIsNotComplete) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  builder.OnTrade(trades.At(5'000, "100"_dec), false);
  const auto closed = builder.OnTrade(trades.At(10'000, "100"_dec), false);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_FALSE(closed[0].complete);
}

TEST(KlineBuilder, AnIntervalWithoutTradesIsACandleAtTheLastClose) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  builder.OnTrade(trades.At(1'000, "100"_dec), false);
  builder.OnTrade(trades.At(6'000, "102"_dec), false);
  const auto closed = builder.OnTrade(trades.At(21'000, "104"_dec), false);
  ASSERT_EQ(closed.size(), 3u);
  for (const size_t i : {1u, 2u}) {
    EXPECT_EQ(closed[i].kline.open, "102"_dec);
    EXPECT_EQ(closed[i].kline.low, "102"_dec);
    EXPECT_EQ(closed[i].kline.trades, 0);
    EXPECT_TRUE(closed[i].kline.volume.is_zero());
    EXPECT_TRUE(closed[i].complete);
  }
  EXPECT_EQ(builder.current()->open, "104"_dec) << "a candle opens with its first trade";
}

TEST(KlineBuilder, OtherEventsCloseACandleAfterAGrace) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  EXPECT_TRUE(builder.OnTime(100'000).empty()) << "nothing is known before the first trade";
  Trades trades;
  builder.OnTrade(trades.At(1'000, "100"_dec), false);
  EXPECT_TRUE(builder.OnTime(5'000 + KlineBuilder::kGraceMs - 1).empty());
  EXPECT_EQ(builder.OnTime(5'000 + KlineBuilder::kGraceMs).size(), 1u);
  EXPECT_TRUE(builder.OnTrade(trades.At(4'999, "500"_dec), false).empty());
  EXPECT_EQ(builder.late_trades(), 1);
  EXPECT_EQ(builder.current()->high, "100"_dec) << "the late trade is left out";
}

TEST(KlineBuilder, CandlesThatAGapTouchesAreNotComplete) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  builder.OnTrade(trades.At(1'000, "100"_dec), false);
  builder.OnTrade(trades.At(6'000, "100"_dec), false);
  const auto closed = builder.OnTrade(trades.At(17'000, "100"_dec), true);
  ASSERT_EQ(closed.size(), 2u);
  EXPECT_FALSE(closed[0].complete) << "where the gap began";
  EXPECT_FALSE(closed[1].complete) << "inside the gap";
  const auto ending = builder.OnTrade(trades.At(20'000, "100"_dec), false);
  EXPECT_FALSE(ending.at(0).complete) << "where the gap ended";
  EXPECT_TRUE(builder.OnTrade(trades.At(25'000, "100"_dec), false).at(0).complete);
}

TEST(KlineBuilder, AnOutageIsNotFilledWithEmptyCandles) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  builder.OnTrade(trades.At(1'000, "100"_dec), false);
  EXPECT_TRUE(builder.OnTrade(trades.At(86'400'000, "200"_dec), false).empty());
  EXPECT_EQ(builder.current()->open, "200"_dec);
}

TEST(KlineBuilder, ATradeOfNoQuantityIsNoTradeOfTheMarket) {
  KlineBuilder builder("BTCUSDT", *ParseInterval("5s"));
  Trades trades;
  builder.OnTrade(trades.At(1'000, "100"_dec), false);
  builder.OnTrade(trades.At(2'000, "0"_dec, "0"_dec), false);
  EXPECT_EQ(builder.current()->low, "100"_dec);
  EXPECT_EQ(builder.current()->trades, 1);
}

// Candles recomputed from the recorded trades in another way: all trades first, then grouped by interval.
TEST(KlineBuilder, AgreesWithCandlesRecomputedFromTheRecordedTrades) {
  const std::string path = testing::MarketData("usdm_btcusdt_20240808.gz");
  if (path.empty()) {
    return;
  }
  const Interval interval = *ParseInterval("5s");
  KlineBuilder builder("BTCUSDT", interval);
  std::vector<KlineBuilder::Closed> closed;
  std::map<int64_t, std::vector<MarketTrade>> groups;
  binance::MarketDecoder decoder;
  auto recording = exchange::Recording::Open(path);
  ASSERT_TRUE(recording.ok());
  while (true) {
    const auto line = recording->Next();
    ASSERT_TRUE(line.ok());
    if (!*line) {
      break;
    }
    if ((*line)->frame.starts_with("{\"lastUpdateId\"")) {
      continue;
    }
    const auto event = decoder.Decode((*line)->frame);
    ASSERT_TRUE(event.ok());
    std::vector<KlineBuilder::Closed> now;
    if (const auto* trade = std::get_if<MarketTrade>(*event)) {
      groups[trade->time_ms / 5'000 * 5'000].push_back(*trade);
      now = builder.OnTrade(*trade, false);
    } else if (const auto* ticker = std::get_if<exchange::BookTicker>(*event)) {
      now = builder.OnTime(ticker->event_ms);
    }
    closed.insert(closed.end(), now.begin(), now.end());
  }
  EXPECT_EQ(builder.late_trades(), 0);
  ASSERT_GT(closed.size(), 60u);
  EXPECT_FALSE(closed.front().complete);
  int64_t expected_open = closed.front().kline.open_time;
  for (const KlineBuilder::Closed& candle : closed) {
    const Kline& kline = candle.kline;
    EXPECT_EQ(kline.open_time, expected_open);
    expected_open += interval.ms;
    const std::vector<MarketTrade>& group = groups[kline.open_time];
    ASSERT_EQ(kline.trades, static_cast<int64_t>(group.size()));
    if (group.empty()) {
      continue;
    }
    Decimal high = group.front().price, low = high, volume, taker_buy;
    for (const MarketTrade& trade : group) {
      high = std::max(high, trade.price);
      low = std::min(low, trade.price);
      volume += trade.quantity;
      taker_buy += trade.buyer_is_maker ? Decimal() : trade.quantity;
    }
    EXPECT_EQ(kline.open, group.front().price);
    EXPECT_EQ(kline.close, group.back().price);
    EXPECT_EQ(kline.high, high);
    EXPECT_EQ(kline.low, low);
    EXPECT_EQ(kline.volume, volume);
    EXPECT_EQ(kline.taker_buy, taker_buy);
  }
}

}  // namespace
}  // namespace quantum::marketdata
