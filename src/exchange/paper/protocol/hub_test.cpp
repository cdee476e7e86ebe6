#include "exchange/paper/protocol/hub.h"

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
  std::vector<std::string> texts;
};

TEST(Hub, SendsRawAndCombinedMessagesToThoseThatSubscribed) {
  Hub hub;
  const auto raw = std::make_shared<Collected>();
  const auto combined = std::make_shared<Collected>();
  const Hub::Id a = hub.Join(raw, StreamClass::kPublic, false);
  const Hub::Id b = hub.Join(combined, StreamClass::kPublic, true);
  EXPECT_FALSE(hub.Wanted("btcusdt@trade"));
  EXPECT_EQ(hub.Request(a, R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7})"), R"({"result":null,"id":7})");
  hub.Subscribe(b, {"btcusdt@trade"});
  hub.Publish("btcusdt@trade", "{}");
  hub.Publish("btcusdt@bookTicker", "{}");
  hub.Flush();
  EXPECT_EQ(raw->texts, std::vector<std::string>{"{}"});
  EXPECT_EQ(combined->texts, std::vector<std::string>{R"({"stream":"btcusdt@trade","data":{}})"});
  hub.Request(a, R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":8})");
  hub.Leave(b);
  EXPECT_FALSE(hub.Wanted("btcusdt@trade"));
}

TEST(Hub, RefusesAStreamThatBinanceServesElsewhere) {
  Hub hub;
  const Hub::Id id = hub.Join(std::make_shared<Collected>(), StreamClass::kPublic, false);
  const std::string answer = hub.Request(id, R"({"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1})");
  EXPECT_NE(answer.find("\"error\""), std::string::npos) << answer;
  EXPECT_FALSE(hub.Wanted("btcusdt@kline_1m"));
  EXPECT_NE(hub.Request(id, "not json").find("\"error\""), std::string::npos);
}

TEST(Hub, SendsTheUserStreamOnlyUntilItsListenKeyExpires) {
  Hub hub;
  const auto box = std::make_shared<Collected>();
  const Hub::Id id = hub.Join(box, StreamClass::kPrivate, false);
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
