#include "services/marketdata/symbol_feed.h"

#include <gtest/gtest.h>

#include "services/marketdata/routes.h"

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;
using exchange::BookTicker;
using exchange::Candle;
using exchange::MarketTrade;
using exchange::MarkPrice;
using trading::Decimal;
using trading::operator""_dec;

constexpr SteadyTime kNow{1h};

FeedOptions TestOptions() {
  return {.intervals = {*ParseInterval("5s"), *ParseInterval("1m")}, .candles_max = 100, .stale_after = 3s};
}

MarketTrade Trade(int64_t id, int64_t time_ms, Decimal price = "100"_dec) {
  return {.symbol = "BTCUSDT",
          .trade_id = id,
          .price = price,
          .quantity = "1"_dec,
          .time_ms = time_ms,
          .event_ms = time_ms};
}

Candle Minute(int64_t open_time, Decimal close = "7"_dec) {
  return {.open_time = open_time,
          .open = close,
          .high = close,
          .low = close,
          .close = close,
          .volume = "1"_dec,
          .trades = 1};
}

TEST(SymbolFeed, MissedTradesAreAGapAndTheirCandlesAreNotPublished) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  EXPECT_EQ(feed.OnEvent(Trade(2, 61'000), kNow).closed.size(), 11u) << "5s candles; the first minute was joined late";
  const Effects effects = feed.OnEvent(Trade(9, 122'000), kNow);
  ASSERT_TRUE(effects.gap);
  EXPECT_EQ(effects.gap->from, 61'000);
  EXPECT_EQ(effects.gap->to, 122'000);
  EXPECT_FALSE(effects.gap->filled);
  EXPECT_TRUE(effects.closed.empty());
  EXPECT_EQ(feed.trades_missed(), 6);
  EXPECT_EQ(feed.missing_minutes().size(), 2u) << "the first minute and the one of the gap";
}

TEST(SymbolFeed, AReconnectWithoutAMissedTradeIsNoGap) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  feed.OnConnected();
  EXPECT_FALSE(feed.OnEvent(Trade(2, 2'000), kNow).gap);
  EXPECT_FALSE(feed.OnEvent(Trade(2, 2'000), kNow).gap) << "a repeat is nothing";
  EXPECT_EQ(feed.current("5s")->trades, 2);
}

TEST(SymbolFeed, AVenueThatCountsAnewIsAGap) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1'000'000, 1'000), kNow);
  feed.OnConnected();
  EXPECT_TRUE(feed.OnEvent(Trade(1, 2'000), kNow).gap);
  EXPECT_FALSE(feed.OnEvent(Trade(2, 3'000), kNow).gap);
}

TEST(SymbolFeed, MissingMinutesAreFilledByTheVenuesCandlesOnce) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  feed.OnEvent(Trade(2, 61'000), kNow);
  ASSERT_EQ(feed.missing_minutes().begin()->first, 0);
  const auto filled = feed.OnBackfill({Minute(0), Minute(60'000)});
  ASSERT_EQ(filled.size(), 1u);
  EXPECT_TRUE(filled[0].closed);
  EXPECT_EQ(filled[0].interval, "1m");
  EXPECT_TRUE(feed.OnBackfill({Minute(0)}).empty());
  EXPECT_TRUE(feed.candles("1m")->Has(0));
}

TEST(SymbolFeed, GivesUpOnMinutesThatTheVenueDoesNotHave) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  feed.OnEvent(Trade(2, 61'000), kNow);
  EXPECT_TRUE(feed.CountAttempt(2).empty());
  EXPECT_EQ(feed.CountAttempt(2), std::vector<int64_t>{0});
  EXPECT_TRUE(feed.missing_minutes().empty());
}

TEST(SymbolFeed, HistoryIsKeptWithoutTheCandleInProgress) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnHistory({Minute(0), Minute(60'000), Minute(120'000)});
  ASSERT_EQ(feed.candles("1m")->size(), 2u);
  EXPECT_EQ(feed.candles("1m")->Latest(10).front().open_time, 0);
}

TEST(SymbolFeed, IsStaleByArrivalNotByTheVenuesTime) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  EXPECT_TRUE(feed.stale(kNow)) << "nothing has come yet";
  feed.OnEvent(Trade(1, 1), kNow);
  EXPECT_FALSE(feed.stale(kNow + 3s));
  EXPECT_TRUE(feed.stale(kNow + 3s + 1ms));
  feed.OnEvent(MarkPrice{.symbol = "BTCUSDT", .mark_price = "1"_dec}, kNow + 10s);
  EXPECT_TRUE(feed.stale(kNow + 10s)) << "mark prices come from elsewhere";
}

TEST(SymbolFeed, HandsOutTheNewestTradeAsOneTick) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  EXPECT_FALSE(feed.TakeTick());
  feed.OnEvent(BookTicker{.symbol = "BTCUSDT", .bid = {"99"_dec, "1"_dec}, .ask = {"101"_dec, "1"_dec}}, kNow);
  feed.OnEvent(Trade(1, 1'000, "100"_dec), kNow);
  feed.OnEvent(Trade(2, 1'001, "100.5"_dec), kNow);
  const auto tick = feed.TakeTick();
  ASSERT_TRUE(tick);
  EXPECT_EQ(tick->price, "100.5"_dec);
  EXPECT_EQ(tick->trade_id, 2);
  EXPECT_EQ(tick->bid, "99"_dec);
  EXPECT_FALSE(feed.TakeTick());
}

TEST(Routes, AnswerWithTheSourceAndWhetherItIsStale) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  EXPECT_EQ(PriceAnswer(feed, kNow, "synthetic").status, 503);
  feed.OnEvent(Trade(1, 1'000), kNow);
  EXPECT_EQ(PriceAnswer(feed, kNow + 5s, "synthetic").body,
            R"({"symbol":"BTCUSDT","price":"100","bid":null,"ask":null,"mark_price":null,"time":1000,"age_ms":5000,)"
            R"("stale":true,"source":"synthetic"})");
}

TEST(Routes, GiveTheBookBestFirst) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  EXPECT_EQ(BookAnswer(feed, "", kNow, "live").status, 503);
  ASSERT_TRUE(
      feed.book()
          .Load(
              {.last_update_id = 7, .bids = {{"99"_dec, "1"_dec}, {"98"_dec, "2"_dec}}, .asks = {{"101"_dec, "1"_dec}}})
          .ok());
  EXPECT_NE(BookAnswer(feed, "1", kNow, "live").body.find(R"("bids":[["99","1"]],"asks":[["101","1"]])"),
            std::string::npos);
  EXPECT_EQ(BookAnswer(feed, "0", kNow, "live").status, 400);
  EXPECT_EQ(BookAnswer(feed, "many", kNow, "live").status, 400);
}

TEST(Routes, GiveCandlesOldestFirst) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnHistory({Minute(0), Minute(60'000), Minute(120'000), Minute(180'000)});
  EXPECT_EQ(CandlesAnswer(feed, "1m", "2", false).body.find(R"("open_time":60000)"),
            CandlesAnswer(feed, "1m", "2", false).body.find("open_time") - 1);
  EXPECT_EQ(CandlesAnswer(feed, "7m", "", false).status, 400);
  EXPECT_EQ(CandlesAnswer(feed, "1m", "0", false).status, 400);
  EXPECT_EQ(CandlesAnswer(feed, "5s", "", false).body, "[]");
}

}  // namespace
}  // namespace quantum::marketdata
