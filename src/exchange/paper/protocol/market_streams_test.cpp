#include "exchange/paper/protocol/market_streams.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "exchange/paper/protocol/rest_fixture.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

class ByStream final : public Outbox {
 public:
  void Put(std::vector<Message> messages) override {
    for (const Message& message : messages) {
      const json::object combined = json::parse(*message).as_object();
      of[std::string(combined.at("stream").as_string())].push_back(combined.at("data"));
    }
  }
  bool filling() const override { return false; }
  std::map<std::string, std::vector<json::value>> of;
};

class MarketStreamsTest : public RestTest {
 protected:
  static constexpr int64_t kStart = kNow - kNow % 900'000;

  void Listen(const std::vector<std::string>& names) {
    box_ = std::make_shared<ByStream>();
    hub.Subscribe(hub.Join(box_, StreamClass::kAny, true, 0), names);
  }
  // As Exchange::Step does.
  void Happens(int64_t time_ms, std::variant<BookReset, DepthUpdate, BookTicker, MarketTrade> what) {
    const SourceEvent event{time_ms, std::move(what)};
    streams.OnTime(time_ms, engine, false);
    engine.OnMarket(event, time_ms);
    streams.OnEvent(event, false);
  }
  void Trades(int64_t time_ms, const char* price, const char* quantity, bool buyer_is_maker = false) {
    Happens(time_ms, MarketTrade{"BTCUSDT", ++trade_id, D(price), D(quantity), buyer_is_maker, time_ms, time_ms});
  }
  void PassTo(int64_t time_ms) {
    streams.OnTime(time_ms, engine, false);
    hub.Flush();
  }
  json::value Answered(const std::string& path, const std::string& query) {
    const RestAnswer answer = rest.Handle({"GET", path, query, "", ""}, kNow);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body);
  }
  static std::string Text(const json::value& from, const char* name) {
    return std::string(from.as_object().at(name).as_string());
  }

  std::shared_ptr<ByStream> box_;
};

TEST_F(MarketStreamsTest, TickersTellWhatTheTradesTell) {
  Listen({"btcusdt@miniTicker", "btcusdt@ticker", "!miniTicker@arr", "!ticker@arr"});
  Trades(kStart + 100, "60000", "1");
  Trades(kStart + 200, "60300", "2", true);
  Trades(kStart + 300, "60150", "1");
  PassTo(kStart + 2'000);
  ASSERT_EQ(box_->of["btcusdt@ticker"].size(), 1u);
  const json::value full = box_->of["btcusdt@ticker"][0];
  EXPECT_EQ(Text(full, "e"), "24hrTicker");
  EXPECT_EQ(Text(full, "o"), "60000.00");
  EXPECT_EQ(Text(full, "h"), "60300.00");
  EXPECT_EQ(Text(full, "l"), "60000.00");
  EXPECT_EQ(Text(full, "c"), "60150.00");
  EXPECT_EQ(Text(full, "p"), "150.00");
  EXPECT_EQ(Text(full, "P"), "0.250");
  EXPECT_EQ(Text(full, "w"), "60187.50");
  EXPECT_EQ(Text(full, "v"), "4.000");
  EXPECT_EQ(Text(full, "q"), "240750.00");
  EXPECT_EQ(Text(full, "Q"), "1.000");
  EXPECT_EQ(full.at("n").as_int64(), 3);
  const json::value mini = box_->of["btcusdt@miniTicker"].at(0);
  for (const char* same : {"c", "o", "h", "l", "v", "q"}) {
    EXPECT_EQ(Text(mini, same), Text(full, same)) << same;
  }
  const json::value row = Answered("/fapi/v1/ticker/24hr", "symbol=BTCUSDT");
  EXPECT_EQ(Text(row, "lastPrice"), Text(full, "c"));
  EXPECT_EQ(Text(row, "priceChangePercent"), Text(full, "P"));
  EXPECT_EQ(Text(row, "weightedAvgPrice"), Text(full, "w"));
  EXPECT_EQ(Text(row, "volume"), Text(full, "v"));
  EXPECT_EQ(row.at("count").as_int64(), 3);
  EXPECT_EQ(Answered("/fapi/v1/ticker/24hr", ""), json::array{row});
  // Of all symbols: each second, those that have traded since.
  EXPECT_EQ(box_->of["!ticker@arr"], std::vector<json::value>{json::array{full}});
  PassTo(kStart + 4'000);
  EXPECT_EQ(box_->of["btcusdt@ticker"].size(), 2u);
  EXPECT_EQ(box_->of["!ticker@arr"].size(), 1u);
  EXPECT_EQ(box_->of["!miniTicker@arr"].size(), 1u);
}

TEST_F(MarketStreamsTest, NoTickerBeforeTheFirstTrade) {
  Listen({"btcusdt@ticker", "!ticker@arr"});
  PassTo(kStart + 2'000);
  EXPECT_TRUE(box_->of.empty());
  EXPECT_EQ(Answered("/fapi/v1/ticker/24hr", ""), json::array());
}

TEST_F(MarketStreamsTest, PartialDepthIsTheTopOfTheBookWhenItHasChanged) {
  Listen({"btcusdt@depth5", "btcusdt@depth5@100ms"});
  PassTo(kStart);
  ASSERT_EQ(box_->of["btcusdt@depth5"].size(), 1u);
  const int64_t first = box_->of["btcusdt@depth5"][0].at("u").as_int64();
  std::vector<PriceLevel> bids;
  for (int64_t i = 0; i < 9; ++i) {
    bids.push_back({Decimal::FromInt(59'000 + i), D("3")});
  }
  Depth(std::move(bids), {});
  PassTo(kStart + 99);
  EXPECT_EQ(box_->of["btcusdt@depth5@100ms"].size(), 1u);
  PassTo(kStart + 100);
  EXPECT_EQ(box_->of["btcusdt@depth5@100ms"].size(), 2u);
  PassTo(kStart + 249);
  EXPECT_EQ(box_->of["btcusdt@depth5"].size(), 1u);
  PassTo(kStart + 250);
  PassTo(kStart + 2'000);  // nothing new
  for (const char* stream : {"btcusdt@depth5@100ms", "btcusdt@depth5"}) {
    ASSERT_EQ(box_->of[stream].size(), 2u) << stream;
    const json::value top = box_->of[stream][1];
    EXPECT_EQ(top.at("pu").as_int64(), first);
    EXPECT_EQ(top.at("u").as_int64(), Answered("/fapi/v1/depth", "symbol=BTCUSDT&limit=5").at("lastUpdateId"));
    EXPECT_EQ(top.at("b"), Answered("/fapi/v1/depth", "symbol=BTCUSDT&limit=5").at("bids"));
    EXPECT_EQ(top.at("a"), Answered("/fapi/v1/depth", "symbol=BTCUSDT&limit=5").at("asks"));
  }
}

TEST_F(MarketStreamsTest, CandlesOfACoarserIntervalCloseWithTheLastOfTheFiner) {
  Listen({"btcusdt@kline_1m", "btcusdt@kline_3m", "btcusdt@kline_1h"});
  Trades(kStart + 1'000, "60000", "1");
  Trades(kStart + 61'000, "60100", "2");
  Trades(kStart + 121'000, "59900", "3");
  PassTo(kStart + 179'999);
  EXPECT_FALSE(box_->of["btcusdt@kline_3m"].back().at("k").at("x").as_bool());
  PassTo(kStart + 180'000);
  const json::value closed = box_->of["btcusdt@kline_3m"].back().at("k");
  EXPECT_TRUE(closed.at("x").as_bool());
  EXPECT_EQ(closed.at("t").as_int64(), kStart);
  EXPECT_EQ(closed.at("T").as_int64(), kStart + 179'999);
  EXPECT_EQ(Text(closed, "o"), "60000.00");
  EXPECT_EQ(Text(closed, "h"), "60100.00");
  EXPECT_EQ(Text(closed, "l"), "59900.00");
  EXPECT_EQ(Text(closed, "c"), "59900.00");
  EXPECT_EQ(Text(closed, "v"), "6.000");
  const json::value row = Answered("/fapi/v1/klines", "symbol=BTCUSDT&interval=3m&limit=2").at(0);
  EXPECT_EQ(row.at(0).as_int64(), kStart);
  EXPECT_EQ(row.at(5).as_string(), "6.000");
  const json::value hour = box_->of["btcusdt@kline_1h"].back().at("k");
  EXPECT_FALSE(hour.at("x").as_bool());
  EXPECT_EQ(hour.at("t").as_int64(), kStart - kStart % 3'600'000);
  EXPECT_EQ(Text(hour, "v"), "6.000");
}

TEST_F(MarketStreamsTest, TradesAndAggregatesAreThoseOfTheStreams) {
  Listen({"btcusdt@trade", "btcusdt@aggTrade"});
  Trades(kStart + 10, "60000", "1");
  Trades(kStart + 20, "60000", "2");
  Trades(kStart + 30, "60000.1", "1");
  PassTo(kStart + 200);
  const json::array trades = Answered("/fapi/v1/trades", "symbol=BTCUSDT").as_array();
  const json::array aggregates = Answered("/fapi/v1/aggTrades", "symbol=BTCUSDT").as_array();
  ASSERT_EQ(trades.size(), 3u);
  ASSERT_EQ(aggregates.size(), 2u);
  EXPECT_EQ(Text(trades[1], "quoteQty"), "120000.00");
  for (size_t i = 0; i < trades.size(); ++i) {
    const json::value told = box_->of["btcusdt@trade"].at(i);
    EXPECT_EQ(trades[i].at("id"), told.at("t"));
    EXPECT_EQ(trades[i].at("price"), told.at("p"));
    EXPECT_EQ(trades[i].at("qty"), told.at("q"));
    EXPECT_EQ(trades[i].at("time"), told.at("T"));
    EXPECT_EQ(trades[i].at("isBuyerMaker"), told.at("m"));
  }
  for (size_t i = 0; i < aggregates.size(); ++i) {
    const json::value told = box_->of["btcusdt@aggTrade"].at(i);
    for (const char* same : {"a", "p", "q", "f", "l", "T", "m"}) {
      EXPECT_EQ(aggregates[i].at(same), told.at(same)) << same;
    }
  }
  EXPECT_EQ(Answered("/fapi/v1/trades", "symbol=BTCUSDT&limit=1"), json::array{trades[2]});
  EXPECT_EQ(Answered("/fapi/v1/aggTrades", "symbol=BTCUSDT&fromId=1&limit=1"), json::array{aggregates[0]});
  EXPECT_EQ(Answered("/fapi/v1/aggTrades", "symbol=BTCUSDT&limit=1"), json::array{aggregates[1]});
  const std::string after = fmt::format("symbol=BTCUSDT&startTime={}", kStart + 11);
  EXPECT_EQ(Answered("/fapi/v1/aggTrades", after), json::array{aggregates[1]});
  const auto refused = [&](const char* path, const char* query) {
    return Code(rest.Handle({"GET", path, query, "", ""}, kNow));
  };
  EXPECT_EQ(refused("/fapi/v1/trades", "symbol=BTCUSDT&limit=1001"), -1130);
  EXPECT_EQ(refused("/fapi/v1/trades", "symbol=NONE"), -1121);
  EXPECT_EQ(refused("/fapi/v1/aggTrades", ""), -1102);
  EXPECT_EQ(refused("/fapi/v1/ticker/24hr", "symbol=NONE"), -1121);
}

}  // namespace
}  // namespace quantum::paper
