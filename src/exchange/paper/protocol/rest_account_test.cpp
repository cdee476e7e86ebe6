// Settings, income and funding as a client sees them, and every refusal's code and text.
#include "exchange/paper/protocol/encode_user.h"
#include "exchange/paper/protocol/rest_fixture.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

class RestAccountTest : public RestTest {
 protected:
  json::array Income(const std::string& query) {
    return json::parse(Signed("GET", "/fapi/v1/income", query).body).as_array();
  }
  static Decimal Sum(const json::array& rows) {
    Decimal sum;
    for (const json::value& row : rows) {
      sum += *Decimal::Parse(std::string(row.at("income").as_string()));
    }
    return sum;
  }
  void Fund() {
    constexpr int64_t kInterval = 8LL * 3600 * 1000;
    engine.OnMarketTime(kNow / kInterval * kInterval, kNow);
    engine.OnMarketTime(kNow / kInterval * kInterval + kInterval, kNow);
  }
};

TEST_F(RestAccountTest, SymbolConfigSaysLeverageAndMarginType) {
  Signed("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=50");
  Signed("POST", "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED");
  EXPECT_EQ(json::parse(Signed("GET", "/fapi/v1/symbolConfig", "symbol=BTCUSDT").body),
            json::parse(R"([{"symbol":"BTCUSDT","marginType":"ISOLATED","isAutoAddMargin":false,"leverage":50,)"
                        R"("maxNotionalValue":"12000000"}])"));
}

TEST_F(RestAccountTest, LeverageBracketsTellTheTable) {
  const json::value answer = json::parse(Signed("GET", "/fapi/v1/leverageBracket", "symbol=BTCUSDT").body);
  const json::array& brackets = answer.at(0).at("brackets").as_array();
  ASSERT_EQ(brackets.size(), 12u);
  EXPECT_EQ(brackets[1], json::parse(R"({"bracket":2,"initialLeverage":100,"notionalCap":800000,)"
                                     R"("notionalFloor":300000,"maintMarginRatio":0.005,"cum":300.0})"));
}

TEST_F(RestAccountTest, IncomeTellsEverythingThatChangedTheWallet) {
  Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01");
  Fund();
  Signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01");
  const json::array all = Income("limit=1000");
  EXPECT_EQ(Sum(all), engine.account().wallet());
  EXPECT_EQ(Sum(Income("incomeType=TRANSFER")), "10000"_dec);
  EXPECT_EQ(Income("incomeType=COMMISSION").size(), 3u);  // the first order took two levels
  EXPECT_EQ(Income("incomeType=REALIZED_PNL&symbol=BTCUSDT").size(), 1u);
  const json::array funding = Income(fmt::format("incomeType=FUNDING_FEE&startTime={}", kNow));
  ASSERT_EQ(funding.size(), 1u);
  EXPECT_EQ(funding[0].at("info").as_string(), "FUNDING_FEE");
  EXPECT_EQ(Sum(funding), -engine.account().fundings().front().paid);
  EXPECT_TRUE(Income(fmt::format("incomeType=FUNDING_FEE&startTime={}", kNow + 1)).empty());
  // Pages from the newest back, and from a time on.
  EXPECT_EQ(Income("limit=1")[0].at("incomeType").as_string(), all.back().at("incomeType").as_string());
  EXPECT_EQ(Income("limit=1&startTime=0&page=2")[0], all[1]);
  EXPECT_TRUE(Income("limit=1000&page=2").empty());
}

TEST_F(RestAccountTest, FundingRatesHaveAHistoryAndTheNextOneIsTold) {
  Fund();
  const json::value history =
      json::parse(rest.Handle({"GET", "/fapi/v1/fundingRate", "symbol=BTCUSDT", "", ""}, kNow).body);
  EXPECT_EQ(history.at(0).at("fundingRate").as_string(), "0.00010000");
  EXPECT_EQ(history.at(0).at("fundingTime").as_int64() % (8LL * 3600 * 1000), 0);
  const json::object index = Object(rest.Handle({"GET", "/fapi/v1/premiumIndex", "symbol=BTCUSDT", "", ""}, kNow));
  EXPECT_EQ(index.at("lastFundingRate").as_string(), "0.00010000");
  EXPECT_GT(index.at("nextFundingTime").as_int64(), kNow);
}

TEST_F(RestAccountTest, FundingAndMarginCallsAreToldAsBinanceTellsThem) {
  AccountEvent funding;
  funding.reason = "FUNDING_FEE";
  funding.symbol = "BTCUSDT";
  funding.wallet = funding.cross_wallet = "99"_dec;
  funding.change = "-1"_dec;
  funding.tells_position = false;
  EXPECT_EQ(json::parse(EncodeEvent(funding, 5).at(0)),
            json::parse(R"({"e":"ACCOUNT_UPDATE","T":5,"E":5,"a":{"m":"FUNDING_FEE","B":[{"a":"USDT",)"
                        R"("wb":"99.00000000","cw":"99.00000000","bc":"-1.00000000"}],"P":[]}})"));
  MarginCallEvent call;
  call.cross_wallet = "3.16812045"_dec;
  call.positions.push_back({"BTCUSDT", "1.327"_dec, false, {}, "187.17127"_dec, "-1.166074"_dec, "1.614445"_dec});
  EXPECT_EQ(json::parse(EncodeEvent(call, 5).at(0)),
            json::parse(R"({"e":"MARGIN_CALL","E":5,"cw":"3.16812045","p":[{"s":"BTCUSDT","ps":"BOTH","pa":"1.327",)"
                        R"("mt":"CROSSED","iw":"0","mp":"187.17127000","up":"-1.16607400","mm":"1.61444500"}]})"));
}

// ---- Refusals ------------------------------------------------------------------------------------------------------

struct Refusal {
  const char* method;
  const char* path;
  const char* query;
  int code;
  const char* text;
};

// Against one resting buy order "rests" at 59000, no position, cross margin.
constexpr Refusal kRefusals[] = {
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1e3", -1100,
     R"(Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.)"},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=a%20b", -1100,
     R"(Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'.)"},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&side=BUY&type=MARKET&quantity=1", -1101,
     "Duplicate values for a parameter detected."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET", -1102,
     "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."},
    {"DELETE", "order", "symbol=BTCUSDT", -1102,
     "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=", -1105,
     "Parameter 'newClientOrderId' was empty."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timeInForce=GTC", -1106,
     "Parameter 'timeInForce' sent when not required."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.0001", -1111,
     "Precision is over the maximum defined for this asset."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=X&quantity=1&price=60000", -1115,
     "Invalid timeInForce."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=ODD&quantity=1", -1116, "Invalid orderType."},
    {"POST", "order", "symbol=BTCUSDT&side=UP&type=MARKET&quantity=1", -1117, "Invalid side."},
    {"POST", "order", "symbol=NONE&side=BUY&type=MARKET&quantity=1", -1121, "Invalid symbol."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newOrderRespType=ALL", -1136,
     "Invalid newOrderRespType."},
    {"DELETE", "order", "symbol=BTCUSDT&orderId=1", -2011, "Unknown order sent."},
    {"GET", "order", "symbol=BTCUSDT&orderId=1", -2013, "Order does not exist."},
    {"PUT", "order", "symbol=BTCUSDT&orderId=1&side=BUY&quantity=1&price=60000", -2013, "Order does not exist."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=100", -2019, "Margin is insufficient."},
    {"POST", "algoOrder",
     "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=1&triggerPrice=70000", -2021,
     "Order would immediately trigger."},
    {"POST", "order", "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1&reduceOnly=true", -2022,
     "ReduceOnly Order is rejected."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0", -4003, "Quantity less than or equal to zero."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000.05", -4014,
     "Price not increased by tick size."},
    {"POST", "order",
     "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -4015,
     "Client order id length should not be more than 36 chars"},
    {"POST", "leverage", "symbol=BTCUSDT&leverage=126", -4028, "Leverage 126 is not valid"},
    {"POST", "marginType", "symbol=BTCUSDT&marginType=CROSSED", -4046, "No need to change margin type."},
    {"POST", "marginType", "symbol=BTCUSDT&marginType=ISOLATED", -4047,
     "Margin type cannot be changed if there exists open orders."},
    {"POST", "positionSide/dual", "dualSidePosition=false", -4059, "No need to change position side."},
    {"POST", "positionSide/dual", "dualSidePosition=true", -4084, "Method is not allowed currently. Upcoming soon."},
    {"POST", "positionSide/dual", "", -1102,
     "Mandatory parameter 'dualSidePosition' was not sent, was empty/null, or malformed."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&positionSide=LONG", -4061,
     "Order's position side does not match user's setting."},
    {"POST", "order",
     "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=59000&newClientOrderId=rests", -4116,
     "ClientOrderId is duplicated."},
    {"POST", "order", "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=1&stopPrice=59000", -4120,
     "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001", -4164,
     "Order's notional must be no smaller than 100 (unless you choose reduce only)."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=0.01&price=60000.1", -5021,
     "Due to the order could not be filled immediately, the FOK order has been rejected."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.01&price=60000.1", -5022,
     "Due to the order could not be executed as maker, the Post Only order will be rejected."},
    {"PUT", "order", "symbol=BTCUSDT&origClientOrderId=rests&side=BUY&quantity=0.01&price=59000", -5027,
     "No need to modify the order."},
    {"POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&selfTradePreventionMode=EXPIRE_ALL", -5039,
     "Invalid self trade prevention mode"},
    {"POST", "batchOrders", "batchOrders=%5B%5D", -4082, "Invalid number of batch place orders: 0"},
};

TEST_F(RestAccountTest, RefusalsHaveBinancesCodesAndTexts) {
  ASSERT_EQ(Signed("POST", "/fapi/v1/order",
                   "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=59000&"
                   "newClientOrderId=rests")
                .status,
            200);
  for (const Refusal& refusal : kRefusals) {
    const RestAnswer answer = Signed(refusal.method, std::string("/fapi/v1/") + refusal.path, refusal.query);
    EXPECT_EQ(answer.status, 400) << refusal.query;
    EXPECT_EQ(json::parse(answer.body), (json::object{{"code", refusal.code}, {"msg", refusal.text}}))
        << refusal.method << " " << refusal.path << " " << refusal.query << " " << answer.body;
  }
  EXPECT_EQ(engine.account().orders().size(), 1u) << "a refused order leaves nothing behind";
}

TEST_F(RestAccountTest, AnOrderThatReachesTheEngineAfterItsWindowIsRefusedThere) {
  std::string query = fmt::format("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.002&timestamp={}", kNow);
  query += "&signature=" + HmacSha256Hex("secret", query);
  const RestAnswer late = rest.Handle({"POST", "/fapi/v1/order", query, "", "key", kNow + 4000}, kNow + 5001);
  EXPECT_EQ(json::parse(late.body),
            json::parse(R"({"code":-5028,"msg":"Timestamp for this request is outside of the ME recvWindow."})"));
  EXPECT_EQ(rest.Handle({"POST", "/fapi/v1/order", query, "", "key", kNow + 4000}, kNow + 5000).status, 200);
}

}  // namespace
}  // namespace quantum::paper
