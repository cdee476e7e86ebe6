#include "exchange/paper/protocol/hub.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

class Collected final : public Outbox {
 public:
  void Put(std::vector<Message> messages) override {
    for (const Message& message : messages) {
      texts.push_back(*message);
    }
  }
  bool filling() const override { return false; }
  void Cut() override { ++cuts; }
  std::vector<std::string> texts;
  int cuts = 0;
};

TEST(Hub, SendsRawAndCombinedMessagesToThoseThatSubscribed) {
  Hub hub;
  const auto raw = std::make_shared<Collected>();
  const auto combined = std::make_shared<Collected>();
  const Hub::Id a = hub.Join(raw, StreamClass::kPublic, false, 0);
  const Hub::Id b = hub.Join(combined, StreamClass::kPublic, true, 0);
  EXPECT_FALSE(hub.Wanted("btcusdt@trade"));
  EXPECT_EQ(hub.Request(a, R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7})", 0),
            R"({"result":null,"id":7})");
  hub.Subscribe(b, {"btcusdt@trade"});
  hub.Publish("btcusdt@trade", "{}");
  hub.Publish("btcusdt@bookTicker", "{}");
  hub.Flush();
  EXPECT_EQ(raw->texts, std::vector<std::string>{"{}"});
  EXPECT_EQ(combined->texts, std::vector<std::string>{R"({"stream":"btcusdt@trade","data":{}})"});
  hub.Request(a, R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":8})", 0);
  hub.Leave(b);
  EXPECT_FALSE(hub.Wanted("btcusdt@trade"));
}

TEST(Hub, RefusesAStreamThatBinanceServesElsewhere) {
  Hub hub;
  const Hub::Id id = hub.Join(std::make_shared<Collected>(), StreamClass::kPublic, false, 0);
  const std::string answer = hub.Request(id, R"({"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1})", 0);
  EXPECT_NE(answer.find("\"error\""), std::string::npos) << answer;
  EXPECT_FALSE(hub.Wanted("btcusdt@kline_1m"));
  EXPECT_NE(hub.Request(id, "not json", 0).find("\"error\""), std::string::npos);
}

TEST(Hub, ServesEachStreamWhereBinanceDoes) {
  for (const char* stream : {"btcusdt@depth5", "btcusdt@depth20@100ms", "btcusdt@bookTicker", "!bookTicker"}) {
    EXPECT_TRUE(Serves(StreamClass::kPublic, stream) && Serves(StreamClass::kAny, stream)) << stream;
    EXPECT_FALSE(Serves(StreamClass::kMarket, stream) || Serves(StreamClass::kPrivate, stream)) << stream;
  }
  for (const char* stream : {"btcusdt@ticker", "btcusdt@miniTicker", "!ticker@arr", "!miniTicker@arr",
                             "!markPrice@arr@1s", "btcusdt@kline_3m", "btcusdt@kline_1d", "btcusdt@aggTrade"}) {
    EXPECT_TRUE(Serves(StreamClass::kMarket, stream) && Serves(StreamClass::kAny, stream)) << stream;
    EXPECT_FALSE(Serves(StreamClass::kPublic, stream) || Serves(StreamClass::kPrivate, stream)) << stream;
  }
  for (const char* stream : {"btcusdt@depth7", "btcusdt@kline_7m", "btcusdt@kline_", "!trade", "!ticker", "@ticker",
                             "!ticker@kline_1m", "btcusdt@!ticker@arr", ""}) {
    EXPECT_FALSE(Serves(StreamClass::kAny, stream)) << stream;
  }
}

TEST(Hub, CutsOffWhoSendsMoreThanTenMessagesInASecond) {
  Hub hub;
  const auto box = std::make_shared<Collected>();
  const Hub::Id id = hub.Join(box, StreamClass::kPublic, false, 0);
  const std::string list = R"({"method":"LIST_SUBSCRIPTIONS","id":1})";
  for (int i = 0; i < 30; ++i) {
    hub.Request(id, list, 1000 + i * 100);
  }
  EXPECT_EQ(box->cuts, 0);
  EXPECT_NE(hub.Request(id, list, 3990).find("at most 10 messages a second"), std::string::npos);
  EXPECT_EQ(box->cuts, 1);
}

TEST(Hub, CutsOffAConnectionAfterADay) {
  Hub hub;
  const auto old = std::make_shared<Collected>();
  const auto young = std::make_shared<Collected>();
  hub.Join(old, StreamClass::kPublic, false, 1'000);
  hub.Join(young, StreamClass::kPublic, false, 2'000);
  hub.CutOld(86'400'999);
  EXPECT_EQ(old->cuts, 0);
  hub.CutOld(86'401'000);
  EXPECT_EQ(old->cuts, 1);
  EXPECT_EQ(young->cuts, 0);
}

TEST(Hub, RefusesMoreThan1024StreamsOnAConnection) {
  Hub hub;
  const Hub::Id id = hub.Join(std::make_shared<Collected>(), StreamClass::kPublic, false, 0);
  std::string names;
  for (int i = 0; i < 1024; ++i) {
    names += fmt::format("{}\"s{}@trade\"", i == 0 ? "" : ",", i);
  }
  EXPECT_EQ(hub.Request(id, fmt::format(R"({{"method":"SUBSCRIBE","params":[{}],"id":1}})", names), 0),
            R"({"result":null,"id":1})");
  const std::string same = hub.Request(id, R"({"method":"SUBSCRIBE","params":["s0@trade"],"id":2})", 0);
  EXPECT_EQ(same, R"({"result":null,"id":2})");
  const std::string more = hub.Request(id, R"({"method":"SUBSCRIBE","params":["x@trade"],"id":3})", 0);
  EXPECT_NE(more.find("1024"), std::string::npos) << more;
  EXPECT_FALSE(hub.Wanted("x@trade"));
}

TEST(Hub, SendsTheUserStreamOnlyUntilItsListenKeyExpires) {
  Hub hub;
  const auto box = std::make_shared<Collected>();
  const Hub::Id id = hub.Join(box, StreamClass::kPrivate, false, 0);
  hub.PublishUser("{\"a\":1}");
  hub.SubscribeUser(id, "key");
  hub.PublishUser("{\"a\":2}");
  hub.ExpireListenKey("key", 5);
  hub.PublishUser("{\"a\":3}");
  hub.Flush();
  ASSERT_EQ(box->texts.size(), 2u);
  EXPECT_EQ(box->texts[0], "{\"a\":2}");
  EXPECT_NE(box->texts[1].find("listenKeyExpired"), std::string::npos);
}

}  // namespace
}  // namespace quantum::paper
