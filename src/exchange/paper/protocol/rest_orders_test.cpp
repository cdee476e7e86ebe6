// Orders amended, sent in batches, conditional and under the dead-man switch, as a client sees them.
#include "exchange/paper/protocol/encode_user.h"
#include "exchange/paper/protocol/rest_fixture.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

class RestOrdersTest : public RestTest {
 protected:
  RestAnswer Rest(const char* client_id, const char* price = "59000") {
    return Signed("POST", "/fapi/v1/order",
                  fmt::format("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={}&"
                              "newClientOrderId={}",
                              price, client_id));
  }
  // Percent-encoded, as in a query.
  static std::string Encoded(const std::string& text) {
    std::string encoded;
    for (const unsigned char c : text) {
      encoded += std::isalnum(c) != 0 ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    }
    return encoded;
  }
  static json::array Array(const RestAnswer& answer) { return json::parse(answer.body).as_array(); }
  json::object NewestOrderUpdate() {
    json::object newest;
    for (const EngineEvent& event : engine.TakeOutput().events) {
      for (const std::string& message : EncodeEvent(event, kNow)) {
        const json::object update = json::parse(message).as_object();
        if (update.at("e").as_string() == "ORDER_TRADE_UPDATE") {
          newest = update.at("o").as_object();
        }
      }
    }
    return newest;
  }
};

TEST_F(RestOrdersTest, AnAmendmentIsAnsweredWithTheOrderAndTold) {
  Rest("a1");
  const RestAnswer amended =
      Signed("PUT", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a1&side=BUY&quantity=0.02&price=58999.9");
  ASSERT_EQ(amended.status, 200) << amended.body;
  EXPECT_EQ(Object(amended).at("origQty").as_string(), "0.020");
  EXPECT_EQ(Object(amended).at("price").as_string(), "58999.90");
  EXPECT_EQ(Object(amended).at("status").as_string(), "NEW");
  const json::object told = NewestOrderUpdate();
  EXPECT_EQ(told.at("x").as_string(), "AMENDMENT");
  EXPECT_EQ(told.at("X").as_string(), "NEW");
  EXPECT_EQ(told.at("q").as_string(), "0.020");
  EXPECT_EQ(
      Code(Signed("PUT", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a1&side=BUY&quantity=0.02&price=58999.9")),
      -5027);
}

TEST_F(RestOrdersTest, ABatchAnswersEachOrderByItselfInTheOrderSent) {
  const RestAnswer answer =
      Signed("POST", "/fapi/v1/batchOrders",
             "batchOrders=" +
                 Encoded(R"([{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.01",)"
                         R"("price":"59000","newClientOrderId":"b1"},)"
                         R"({"symbol":"BTCUSDT","side":"SELL","type":"MARKET","quantity":0.01,"reduceOnly":"true"},)"
                         R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":0.002,"newClientOrderId":"b3",)"
                         R"("newOrderRespType":"RESULT"}])"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::array answers = Array(answer);
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].at("clientOrderId").as_string(), "b1");
  EXPECT_EQ(answers[1], json::parse(R"({"code":-2022,"msg":"ReduceOnly Order is rejected."})"));
  EXPECT_EQ(answers[2].at("status").as_string(), "FILLED");
  const auto count = std::find_if(answer.headers.begin(), answer.headers.end(),
                                  [](const auto& header) { return header.first == "X-MBX-ORDER-COUNT-10S"; });
  ASSERT_NE(count, answer.headers.end());
  EXPECT_EQ(count->second, "5");
}

TEST_F(RestOrdersTest, ABatchAmendsAndCancelsByIdAndByName) {
  const int64_t first = Object(Rest("c1")).at("orderId").as_int64();
  const int64_t second = Object(Rest("c2")).at("orderId").as_int64();
  const json::array amended = Array(Signed(
      "PUT", "/fapi/v1/batchOrders",
      "batchOrders=" +
          Encoded(fmt::format(R"([{{"orderId":{},"symbol":"BTCUSDT","side":"BUY","quantity":"0.01","price":"58000"}},)"
                              R"({{"orderId":{},"symbol":"BTCUSDT","side":"BUY","quantity":"0.01","price":"59000"}}])",
                              first, second))));
  ASSERT_EQ(amended.size(), 2u);
  EXPECT_EQ(amended[0].at("price").as_string(), "58000.00");
  EXPECT_EQ(amended[1].at("code").as_int64(), -5027);

  const json::array by_id = Array(
      Signed("DELETE", "/fapi/v1/batchOrders", "symbol=BTCUSDT&orderIdList=" + Encoded(fmt::format("[{},1]", first))));
  ASSERT_EQ(by_id.size(), 2u);
  EXPECT_EQ(by_id[0].at("status").as_string(), "CANCELED");
  EXPECT_EQ(by_id[1], json::parse(R"({"code":-2011,"msg":"Unknown order sent."})"));
  const json::array by_name = Array(
      Signed("DELETE", "/fapi/v1/batchOrders", "symbol=BTCUSDT&origClientOrderIdList=" + Encoded(R"(["c2","none"])")));
  EXPECT_EQ(by_name[0].at("clientOrderId").as_string(), "c2");
  EXPECT_EQ(by_name[1].at("code").as_int64(), -2011);
  EXPECT_TRUE(engine.account().open_orders().empty());
  // As ccxt spells them.
  for (const char* list : {"orderidlist=%5B1%5D", "origclientorderidlist=%5B%22none%22%5D"}) {
    const json::array unknown = Array(Signed("DELETE", "/fapi/v1/batchOrders", std::string("symbol=BTCUSDT&") + list));
    EXPECT_EQ(unknown.at(0).at("code").as_int64(), -2011);
  }
}

TEST_F(RestOrdersTest, ABatchOfMoreThanFiveOrNoneOrNoListIsRefused) {
  const auto post = [&](const std::string& list) {
    return Code(Signed("POST", "/fapi/v1/batchOrders", "batchOrders=" + Encoded(list)));
  };
  EXPECT_EQ(post("[1,2,3,4,5,6]"), -4082);
  EXPECT_EQ(post("[]"), -4082);
  EXPECT_EQ(post("{"), -1130);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/batchOrders", "")), -1102);
  EXPECT_EQ(Code(Signed("DELETE", "/fapi/v1/batchOrders", "symbol=BTCUSDT")), -1102);
  EXPECT_EQ(Array(Signed("POST", "/fapi/v1/batchOrders", "batchOrders=%5B1%5D"))[0].at("code").as_int64(), -1102);
}

TEST_F(RestOrdersTest, TheDeadMansSwitchAnswersWhatItWasSetTo) {
  Rest("d1");
  const RestAnswer set = Signed("POST", "/fapi/v1/countdownCancelAll", "symbol=BTCUSDT&countdownTime=120000");
  EXPECT_EQ(json::parse(set.body), json::parse(R"({"symbol":"BTCUSDT","countdownTime":"120000"})"));
  engine.OnTime(kNow + 119'999);
  EXPECT_EQ(engine.account().open_orders().size(), 1u);
  engine.OnTime(kNow + 120'000);
  EXPECT_TRUE(engine.account().open_orders().empty());
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/countdownCancelAll", "symbol=BTCUSDT&countdownTime=-1")), -1130);
}

TEST_F(RestOrdersTest, ATrailingStopSaysWhatItFollows) {
  Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002");
  Trade("60000"_dec, "0.1"_dec, true);
  const std::string common = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TRAILING_STOP_MARKET&quantity=0.002";
  const RestAnswer placed =
      Signed("POST", "/fapi/v1/algoOrder", common + "&activatePrice=60100&callbackRate=0.5&reduceOnly=true");
  ASSERT_EQ(placed.status, 200) << placed.body;
  EXPECT_EQ(Object(placed).at("activatePrice").as_string(), "60100.00");
  EXPECT_EQ(Object(placed).at("callbackRate").as_string(), "0.5");
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "&activatePrice=59000&callbackRate=0.5")), -2021);
  for (const char* rate : {"0", "0.05", "0.15", "10.1"}) {
    EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "&callbackRate=" + rate)), -1130) << rate;
  }
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common)), -1102);
  Trade("60200"_dec, "0.1"_dec, true);
  Trade("59800"_dec, "0.1"_dec, true);  // more than half a percent below 60200
  const json::object told = NewestOrderUpdate();
  EXPECT_EQ(told.at("ot").as_string(), "TRAILING_STOP_MARKET");
  EXPECT_EQ(told.at("AP").as_string(), "60100.00");
  EXPECT_EQ(told.at("cr").as_string(), "0.5");
  EXPECT_EQ(told.at("X").as_string(), "FILLED");
}

TEST_F(RestOrdersTest, ClosePositionTakesNeitherQuantityNorReduceOnly) {
  const std::string common =
      "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&triggerPrice=59000&closePosition=true&type=";
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "STOP_MARKET&quantity=1")), -4137);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "STOP_MARKET&reduceOnly=true")), -1106);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "STOP&price=59000")), -4136);
  EXPECT_EQ(Code(Signed("POST", "/fapi/v1/algoOrder", common + "TRAILING_STOP_MARKET&callbackRate=1")), -4136);
  EXPECT_EQ(Signed("POST", "/fapi/v1/algoOrder", common + "STOP_MARKET").status, 200);
}

}  // namespace
}  // namespace quantum::paper
