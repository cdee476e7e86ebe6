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
  const auto filled = feed.OnBackfill({Minute(0), Minute(60'000)}, 30).filled;
  ASSERT_EQ(filled.size(), 1u);
  EXPECT_TRUE(filled[0].closed);
  EXPECT_EQ(filled[0].interval, "1m");
  EXPECT_TRUE(feed.OnBackfill({Minute(0)}, 30).filled.empty());
  EXPECT_TRUE(feed.candles("1m")->Has(0));
}

TEST(SymbolFeed, GivesUpOnlyOnMinutesThatTheVenueSkips) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  feed.OnEvent(Trade(2, 61'000), kNow);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(feed.OnBackfill({}, 2).given_up.empty()) << "a venue that is away refuses nothing";
    EXPECT_TRUE(feed.OnBackfill({Minute(-60'000)}, 2).given_up.empty()) << "nor one that is not that far yet";
  }
  EXPECT_TRUE(feed.OnBackfill({Minute(60'000)}, 2).given_up.empty());
  EXPECT_EQ(feed.OnBackfill({Minute(60'000)}, 2).given_up, std::vector<int64_t>{0});
  EXPECT_TRUE(feed.missing_minutes().empty());
}

TEST(SymbolFeed, ARestartCostsTheBarsMissedAndNoMore) {
  SymbolFeed before("BTCUSDT", TestOptions());
  before.SetSource("synthetic");
  for (int64_t second = 1; second <= 130; ++second) {
    before.OnEvent(Trade(second, second * 1'000), kNow);
  }
  SymbolFeed after("BTCUSDT", TestOptions());
  after.SetSource("synthetic");
  after.OnKept(before.Keep(100));
  EXPECT_EQ(after.candles("5s")->size(), before.candles("5s")->size());

  const Effects effects = after.OnEvent(Trade(500, 304'000), kNow);
  ASSERT_TRUE(effects.gap);
  EXPECT_EQ(effects.gap->from, 130'000) << "the end of the last bar that was published";
  EXPECT_EQ(effects.gap->to, 304'000);
  EXPECT_EQ(effects.gap->source, "synthetic");
  EXPECT_EQ(after.missing_minutes().size(), 3u) << "minutes 2, 3 and 4; the venue is asked for them";
  EXPECT_EQ(after.OnBackfill({Minute(120'000), Minute(180'000), Minute(240'000)}, 30).filled.size(), 3u);
  EXPECT_FALSE(after.OnEvent(Trade(501, 305'000), kNow).gap);
}

TEST(SymbolFeed, AHoleAmongTheMinutesOfTheLifeBeforeIsAskedForAgain) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  const auto minute = [](int64_t open_time) {
    return trading::event::Kline{.symbol = "BTCUSDT", .interval = "1m", .open_time = open_time, .closed = true};
  };
  feed.OnKept({minute(240'000), minute(60'000)});
  ASSERT_EQ(feed.missing_minutes().size(), 2u);
  EXPECT_EQ(feed.missing_minutes().begin()->first, 120'000);
}

TEST(SymbolFeed, AMarketThatLiesBeforeTheKeptCandlesIsAnotherOne) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnKept({{.symbol = "BTCUSDT", .interval = "5s", .open_time = 900'000'000, .closed = true}});
  const Effects effects = feed.OnEvent(Trade(1, 1'000), kNow);
  EXPECT_FALSE(effects.gap);
  EXPECT_EQ(feed.candles("5s")->size(), 0u);
}

TEST(SymbolFeed, ALateTradeIsToldAndItsCandleMarked) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 4'000), kNow);
  feed.OnEvent(Trade(2, 5'000), kNow);
  feed.OnEvent(Trade(3, 10'100), kNow);
  const Effects effects = feed.OnEvent(Trade(4, 9'999), kNow);
  EXPECT_EQ(effects.late, std::vector<std::string>{"5s"}) << "the minute is still open";
  EXPECT_EQ(feed.candles("5s")->Latest(1).front().late_trades, 1);
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
  feed.SetSource("synthetic");
  EXPECT_FALSE(feed.TakeTick(kNow));
  feed.OnEvent(BookTicker{.symbol = "BTCUSDT", .bid = {"99"_dec, "1"_dec}, .ask = {"101"_dec, "1"_dec}}, kNow);
  feed.OnEvent(Trade(1, 1'000, "100"_dec), kNow);
  feed.OnEvent(Trade(2, 1'001, "100.5"_dec), kNow);
  const auto tick = feed.TakeTick(kNow);
  ASSERT_TRUE(tick);
  EXPECT_EQ(tick->price, "100.5"_dec);
  EXPECT_EQ(tick->trade_id, 2);
  EXPECT_EQ(tick->bid, "99"_dec);
  EXPECT_EQ(tick->source, "synthetic");
  EXPECT_FALSE(tick->mark_price.has_value());
  EXPECT_FALSE(feed.TakeTick(kNow));
}

TEST(SymbolFeed, ATickTellsNoBestPriceRatherThanAZeroWhileItIsUnknown) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  const auto tick = feed.TakeTick(kNow);
  ASSERT_TRUE(tick);
  EXPECT_FALSE(tick->bid.has_value());
  EXPECT_EQ(ToJson(*tick).find("bid"), std::string::npos);
}

TEST(SymbolFeed, ABestPriceThatMovesIsATickWithoutATrade) {
  const auto ticker = [](Decimal bid, int64_t event_ms) {
    return BookTicker{.symbol = "BTCUSDT", .bid = {bid, "1"_dec}, .ask = {"101"_dec, "1"_dec}, .event_ms = event_ms};
  };
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.OnEvent(Trade(1, 1'000), kNow);
  feed.TakeTick(kNow);
  feed.OnEvent(MarkPrice{.symbol = "BTCUSDT", .mark_price = "100.2"_dec}, kNow);
  feed.OnEvent(ticker("99"_dec, 1'100), kNow + 100ms);
  const auto tick = feed.TakeTick(kNow + 100ms);
  ASSERT_TRUE(tick);
  EXPECT_EQ(tick->bid, "99"_dec);
  EXPECT_EQ(tick->mark_price, "100.2"_dec);
  EXPECT_EQ(tick->trade_id, 1);
  EXPECT_EQ(tick->time_ms, 1'100);
  feed.OnEvent(ticker("99"_dec, 1'200), kNow + 200ms);
  EXPECT_FALSE(feed.TakeTick(kNow + 200ms)) << "nothing moved";
  EXPECT_TRUE(feed.TakeTick(kNow + 1'100ms)) << "but a market that is alive says so every second";
  feed.OnEvent(MarkPrice{.symbol = "BTCUSDT", .mark_price = "100.3"_dec}, kNow + 5s);
  EXPECT_FALSE(feed.TakeTick(kNow + 5s)) << "the mark price comes from elsewhere: it is no sign of life";
}

TEST(Routes, AnswerWithTheSourceAndWhetherItIsStale) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.SetSource("synthetic");
  EXPECT_EQ(PriceAnswer(feed, kNow).status, 503);
  feed.OnEvent(Trade(1, 1'000), kNow);
  EXPECT_EQ(PriceAnswer(feed, kNow + 5s).body,
            R"({"symbol":"BTCUSDT","price":"100","bid":null,"ask":null,"mark_price":null,"time":1000,"age_ms":5000,)"
            R"("stale":true,"source":"synthetic"})");
}

TEST(Routes, GiveTheBookBestFirst) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  EXPECT_EQ(BookAnswer(feed, "", kNow).status, 503);
  ASSERT_TRUE(
      feed.book()
          .Load(
              {.last_update_id = 7, .bids = {{"99"_dec, "1"_dec}, {"98"_dec, "2"_dec}}, .asks = {{"101"_dec, "1"_dec}}})
          .ok());
  EXPECT_NE(BookAnswer(feed, "1", kNow).body.find(R"("bids":[["99","1"]],"asks":[["101","1"]])"), std::string::npos);
  EXPECT_EQ(BookAnswer(feed, "0", kNow).status, 400);
  EXPECT_EQ(BookAnswer(feed, "many", kNow).status, 400);
}

TEST(Routes, GiveCandlesOldestFirst) {
  SymbolFeed feed("BTCUSDT", TestOptions());
  feed.SetSource("synthetic");
  feed.OnHistory({Minute(0), Minute(60'000), Minute(120'000), Minute(180'000)});
  EXPECT_EQ(CandlesAnswer(feed, "1m", "2", false).body.find(R"("open_time":60000)"),
            CandlesAnswer(feed, "1m", "2", false).body.find("open_time") - 1);
  EXPECT_EQ(CandlesAnswer(feed, "1m", "", false).headers.Find("X-Market-Source"), "synthetic");
  EXPECT_NE(CandlesAnswer(feed, "1m", "", false).body.find(R"("source":"synthetic")"), std::string::npos);
  EXPECT_EQ(CandlesAnswer(feed, "7m", "", false).status, 400);
  EXPECT_EQ(CandlesAnswer(feed, "1m", "0", false).status, 400);
  EXPECT_EQ(CandlesAnswer(feed, "5s", "", false).body, "[]");
}

}  // namespace
}  // namespace quantum::marketdata
