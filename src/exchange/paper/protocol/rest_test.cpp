#include "exchange/paper/protocol/rest_fixture.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "exchange/paper/protocol/encode_market.h"
#include "exchange/paper/protocol/encode_user.h"
#include "tests/support/market_data.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

TEST_F(RestTest, ChecksKeySignatureAndTime) {
  EXPECT_EQ(Code(rest.Handle({"GET", "/fapi/v3/account", "timestamp=1", "", ""}, kNow)), -2014);
  EXPECT_EQ(Code(rest.Handle({"GET", "/fapi/v3/account", "timestamp=1", "", "wrong"}, kNow)), -2015);
  EXPECT_EQ(Code(rest.Handle({"GET", "/fapi/v3/account", fmt::format("timestamp={}", kNow), "", "key"}, kNow)), -1102);
  EXPECT_EQ(
      Code(rest.Handle({"GET", "/fapi/v3/account", fmt::format("timestamp={}&signature=ab", kNow), "", "key"}, kNow)),
      -1022);
  EXPECT_EQ(Code(Signed("GET", "/fapi/v3/account", "", kNow - 5001)), -1021);
  EXPECT_EQ(Code(Signed("GET", "/fapi/v3/account", "", kNow + 1000)), -1021);
  EXPECT_EQ(Signed("GET", "/fapi/v3/account", "", kNow - 5000).status, 200);
  EXPECT_EQ(Signed("GET", "/fapi/v3/account", "recvWindow=6000", kNow - 6000).status, 200);
}

TEST_F(RestTest, PlacesAnOrderAcknowledgesItAndCountsIt) {
  const RestAnswer placed =
      Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&newClientOrderId=a1");
  ASSERT_EQ(placed.status, 200) << placed.body;
  EXPECT_EQ(Object(placed).at("status").as_string(), "NEW");
  const auto has = [&](const char* name) {
    return std::any_of(placed.headers.begin(), placed.headers.end(), [&](const auto& h) { return h.first == name; });
  };
  EXPECT_TRUE(has("X-MBX-ORDER-COUNT-10S") && has("X-MBX-ORDER-COUNT-1M") && has("X-MBX-USED-WEIGHT-1M"));
  const RestAnswer found = Signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a1");
  EXPECT_EQ(Object(found).at("status").as_string(), "FILLED");
  EXPECT_EQ(Object(found).at("avgPrice").as_string(), "60000.10000000");
  EXPECT_EQ(json::parse(Signed("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT&fromId=1").body).as_array().size(), 1u);
  EXPECT_EQ(json::parse(Signed("GET", "/fapi/v3/positionRisk", "").body).as_array().size(), 1u);
}

TEST_F(RestTest, AnswersErrorsAsBinanceDoes) {
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&stopPrice=1&quantity=1")),
            -4120);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=SELL&type=MARKET")), -1102);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/order", "symbol=XUSDT&side=SELL&type=MARKET&quantity=1")), -1121);
  EXPECT_EQ(Code(Signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=none")), -2013);
  EXPECT_EQ(Code(Signed("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=none")), -2011);
  EXPECT_EQ(Code(Signed("DELETE", "/fapi/v1/algoOrder", "clientAlgoId=none")), -2011);
  EXPECT_EQ(Code(rest.Handle({"GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=7", "", ""}, kNow)), -4021);
  EXPECT_EQ(rest.Handle({"GET", "/fapi/v1/nothing", "", "", ""}, kNow).status, 404);
}

TEST_F(RestTest, ARefusalThatRepeatsAnyBytesIsJsonStill) {
  EXPECT_EQ(Code(rest.Handle({"GE\xe2\xe2T", "/fapi/v1/time\x01", "", "", ""}, kNow)), -5000);
}

TEST_F(RestTest, KeepsOneListenKeyUntilItIsDeleted) {
  const auto post = [&] { return rest.Handle({"POST", "/fapi/v1/listenKey", "", "", "key"}, kNow); };
  const std::string key(Object(post()).at("listenKey").as_string());
  EXPECT_EQ(Object(post()).at("listenKey").as_string(), key.c_str());
  EXPECT_TRUE(rest.KnowsListenKey(key, kNow));
  EXPECT_FALSE(rest.KnowsListenKey(key, kNow + 3'600'000));
  EXPECT_EQ(rest.Handle({"DELETE", "/fapi/v1/listenKey", "", "", "key"}, kNow).status, 200);
  EXPECT_EQ(Code(rest.Handle({"PUT", "/fapi/v1/listenKey", "", "", "key"}, kNow)), -1125);
}

TEST_F(RestTest, SaysItsRules) {
  const json::object info = Object(rest.Handle({"GET", "/fapi/v1/exchangeInfo", "", "", ""}, kNow));
  const json::object& symbol = info.at("symbols").as_array().at(0).as_object();
  EXPECT_EQ(symbol.at("symbol").as_string(), "BTCUSDT");
  EXPECT_EQ(symbol.at("filters").as_array().at(0).as_object().at("tickSize").as_string(), "0.10");
}

// ---- The shapes of Binance's own examples --------------------------------------------------------------------------

json::value Example(const std::string& name) {
  const std::string path = quantum::testing::MarketData("binance_messages/futures/" + name);
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return path.empty() ? json::value(nullptr) : json::parse(text.str());
}

// Every field of the example is there, of the same kind, except those named.
void ExpectShape(const json::value& example, const json::value& ours, const std::vector<std::string>& absent = {},
                 const std::string& path = "") {
  if (example.is_object()) {
    ASSERT_TRUE(ours.is_object()) << path;
    for (const auto& field : example.as_object()) {
      const std::string name(field.key());
      if (std::find(absent.begin(), absent.end(), name) != absent.end()) {
        continue;
      }
      const json::value* mine = ours.as_object().if_contains(field.key());
      ASSERT_NE(mine, nullptr) << path << "." << name << " is missing in " << json::serialize(ours);
      ExpectShape(field.value(), *mine, absent, path + "." + name);
    }
  } else if (example.is_array()) {
    ASSERT_TRUE(ours.is_array()) << path;
    if (!example.as_array().empty() && !ours.as_array().empty()) {
      ExpectShape(example.as_array()[0], ours.as_array()[0], absent, path + "[0]");
    }
  } else {
    const bool same = example.kind() == ours.kind() || (example.is_number() && ours.is_number());
    EXPECT_TRUE(same) << path << ": " << json::serialize(example) << " against " << json::serialize(ours);
  }
}

class Shapes : public RestTest {
 protected:
  void SetUp() override {
    if (Example("http_json/order_response.json").is_null()) {
      return;
    }
    Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002");
    Signed("POST", "/fapi/v1/algoOrder",
           "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.002&triggerPrice=59000&"
           "reduceOnly=true");
  }
  json::value Told(const std::string& type) {
    for (const EngineEvent& event : told) {
      for (const std::string& message : EncodeEvent(event, kNow)) {
        const json::value value = json::parse(message);
        if (value.at("e").as_string() == type) {
          return value;
        }
      }
    }
    return nullptr;
  }
  std::vector<EngineEvent> told;
};

TEST_F(Shapes, OfRestAnswersAreBinances) {
  ExpectShape(Example("http_json/order_response.json"),
              json::parse(Signed("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").body).as_array().at(0));
  ExpectShape(Example("http_json/open_algo_orders.json"),
              json::parse(Signed("GET", "/fapi/v1/openAlgoOrders", "").body));
  ExpectShape(Example("http_json/balance.json"), json::parse(Signed("GET", "/fapi/v3/balance", "").body));
  ExpectShape(Example("http_json/account_info_v2.json"), json::parse(Signed("GET", "/fapi/v2/account", "").body));
  ExpectShape(Example("http_json/position_risk.json"), json::parse(Signed("GET", "/fapi/v2/positionRisk", "").body));
}

TEST_F(Shapes, OfTheUserStreamAreBinances) {
  told = engine.TakeOutput().events;
  // AP and cr belong to trailing stops.
  ExpectShape(Example("user_data_json/order_update_new.json"), Told("ORDER_TRADE_UPDATE"), {"AP", "cr", "N", "n"});
  ExpectShape(Example("user_data_json/account_update.json"), Told("ACCOUNT_UPDATE"));
  ExpectShape(Example("user_data_json/algo_update_new.json"), Told("ALGO_UPDATE"));
  ExpectShape(Example("user_data_json/trade_lite.json"), Told("TRADE_LITE"));
  std::erase_if(told, [](const EngineEvent& event) {
    const auto* order = std::get_if<OrderEvent>(&event);
    return order == nullptr || !order->fill;
  });
  ExpectShape(Example("user_data_json/order_update_trade.json"), Told("ORDER_TRADE_UPDATE"), {"AP", "cr"});
}

TEST_F(Shapes, OfMarketStreamsAreBinances) {
  const PaperRules& rules = *FindRules("BTCUSDT");
  // st and ps were added in 2026 (unknown fields must be ignored by clients); the recorded frames have none.
  const std::vector<std::string> newer = {"st", "ps"};
  ExpectShape(Example("market_data_json/depth_update_stream.json"),
              json::parse(EncodeDepth(rules, {"BTCUSDT", 1, 2, 0, 5, {{"1"_dec, "1"_dec}}, {{"2"_dec, "1"_dec}}})),
              newer);
  ExpectShape(Example("market_data_json/book_ticker_stream.json"), json::parse(EncodeBookTicker(rules, {"BTCUSDT", 1})),
              newer);
  ExpectShape(Example("market_data_json/trade_stream.json"), json::parse(EncodeTrade(rules, {"BTCUSDT", 1})), newer);
  ExpectShape(Example("market_data_json/agg_trade_stream.json"), json::parse(EncodeAggregateTrade(rules, {})), newer);
  ExpectShape(Example("market_data_json/kline_stream_closed.json"),
              json::parse(EncodeKlineEvent(rules, {}, "1m", true, 1)), newer);
  ExpectShape(Example("market_data_json/ticker_stream.json"), json::parse(EncodeDayTicker(rules, {}, 1)), newer);
  ExpectShape(Example("market_data_json/mark_price_stream.json"),
              json::parse(EncodeMarkPrice(rules, "1"_dec, "0.0001"_dec, 1, 2)), newer);
}

}  // namespace
}  // namespace quantum::paper
