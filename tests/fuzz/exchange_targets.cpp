#include <boost/json.hpp>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/binance/decode_user.h"
#include "exchange/binance/outcome.h"
#include "exchange/paper/engine/record_codec.h"
#include "exchange/paper/market/frame.h"
#include "exchange/paper/protocol/rest.h"
#include "platform/base/assert.h"
#include "tests/fuzz/target.h"
#include "trading/events.h"

namespace quantum::fuzz {

namespace {

namespace json = boost::json;
namespace event = trading::event;

// A decoder goes on after a bad frame as if it had not come.
void MarketFrame(std::string_view frame) {
  static binance::MarketDecoder decoder;
  static_cast<void>(decoder.Decode(frame));
  const auto sound =
      decoder.Decode(R"({"e":"trade","E":1,"s":"BTCUSDT","t":5,"p":"0.001","q":"100","T":2,"X":"MARKET","m":true})");
  QUANTUM_ASSERT(sound.ok() && *sound != nullptr && std::get<exchange::MarketTrade>(**sound).trade_id == 5);
}

void UserFrame(std::string_view frame) {
  static binance::UserDecoder decoder;
  static_cast<void>(decoder.Decode(frame));
}

void RestBody(std::string_view body) {
  static_cast<void>(binance::DecodeServerTime(body));
  static_cast<void>(binance::DecodeDepthSnapshot(body));
  static_cast<void>(binance::DecodeKlines(body));
  static_cast<void>(binance::DecodeRules(body));
  static_cast<void>(binance::DecodeRateLimits(body));
  static_cast<void>(binance::DecodeLeverageBrackets(body));
  static_cast<void>(binance::DecodeOrder(body));
  static_cast<void>(binance::DecodeOrders(body));
  static_cast<void>(binance::DecodeAlgoOrder(body));
  static_cast<void>(binance::DecodeAlgoOrders(body));
  static_cast<void>(binance::DecodeFills(body));
  static_cast<void>(binance::DecodeFunding(body));
  static_cast<void>(binance::DecodePositions(body));
  static_cast<void>(binance::DecodeAccount(body));
  static_cast<void>(binance::DecodeListenKey(body));
  static_cast<void>(binance::DecodeLabel(body));
  static_cast<void>(binance::ReadVenueError(body));
}

void RecordedFrame(std::string_view frame) {
  static paper::FrameParser parser;
  static_cast<void>(parser.Parse(frame));
}

// What was read is written so that it reads the same.
void AccountRecord(std::string_view line) {
  const auto record = paper::DecodeRecord(line);
  if (record) {
    const std::string written = paper::EncodeRecord(*record);
    const auto again = paper::DecodeRecord(written);
    QUANTUM_ASSERT(again.ok() && paper::EncodeRecord(*again) == written);
  }
}

template <class T>
void Payload(Result<T> (*parse)(std::string_view), std::string_view text) {
  const auto parsed = parse(text);
  if (parsed) {
    const std::string written = event::ToJson(*parsed);
    const auto again = parse(written);
    QUANTUM_ASSERT(again.ok() && event::ToJson(*again) == written);
  }
}

void EventPayload(std::string_view text) {
  Payload(event::ParseTick, text);
  Payload(event::ParseKline, text);
  Payload(event::ParseGap, text);
  Payload(event::ParseSignal, text);
  Payload(event::ParseDecision, text);
  Payload(event::ParseApproval, text);
  Payload(event::ParseRejection, text);
  Payload(event::ParseOrderUpdate, text);
  Payload(event::ParseTradeUpdate, text);
  Payload(event::ParsePositionUpdate, text);
  Payload(event::ParseEssChange, text);
  if (const auto decimal = trading::Decimal::Parse(text)) {
    QUANTUM_ASSERT(*trading::Decimal::Parse(decimal->ToString()) == *decimal);
  }
}

// A paper exchange that knows one symbol.
class Venue {
 public:
  Venue() : engine_({"BTCUSDT"}, Opened()), streams_({"BTCUSDT"}, hub_), rest_(Options(), engine_, streams_, hub_) {
    const auto number = [](const char* text) { return *trading::Decimal::Parse(text); };
    paper::BookReset reset{"BTCUSDT", {100, {{number("60000"), number("10")}}, {{number("60000.1"), number("10")}}}};
    engine_.OnMarket({0, reset}, kNow);
  }

  // "METHOD path query", signed here.
  paper::RestAnswer Ask(std::string_view text) {
    const size_t first = std::min(text.find(' '), text.size());
    const std::string method(text.substr(0, first));
    text.remove_prefix(std::min(first + 1, text.size()));
    const size_t second = std::min(text.find(' '), text.size());
    const std::string path(text.substr(0, second));
    text.remove_prefix(std::min(second + 1, text.size()));
    std::string query = std::string(text) + "&timestamp=" + std::to_string(kNow);
    query += "&signature=" + paper::HmacSha256Hex("secret", query);
    auto answer = rest_.Handle({method, path, query, "", "key"}, kNow);
    static_cast<void>(engine_.TakeOutput());
    return answer;
  }

 private:
  static constexpr int64_t kNow = 1'700'000'000'000;
  static paper::Account Opened() {
    paper::Account account;
    account.Apply(paper::WalletOpened{*trading::Decimal::Parse("10000")});
    return account;
  }
  static paper::RestOptions Options() {
    paper::RestOptions options;
    options.api_key = "key";
    options.api_secret = "secret";
    options.weight_per_minute = 1'000'000'000;
    options.orders_per_10s = 1'000'000'000;
    options.orders_per_minute = 1'000'000'000;
    return options;
  }

  paper::Engine engine_;
  paper::Hub hub_;
  paper::MarketStreams streams_;
  paper::Rest rest_;
};

// Whatever is asked, the answer is JSON.
void PaperRequest(std::string_view text) {
  static std::unique_ptr<Venue> venue;
  static int asked = 0;
  if (++asked % 1000 == 1) {
    venue = std::make_unique<Venue>();  // an account that grows without end would only be slow
  }
  const auto answer = venue->Ask(text);
  boost::system::error_code error;
  json::parse(answer.body, error);
  QUANTUM_ASSERT(answer.status >= 200 && (answer.body.empty() || !error));
}

std::vector<std::string> Requests() {
  std::vector<std::string> all;
  for (const auto& [method, path] : paper::Rest::endpoints()) {
    all.push_back(method + " " + path + " symbol=BTCUSDT");
  }
  all.push_back(
      "POST /fapi/v1/order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=59000&"
      "newClientOrderId=a");
  all.push_back("POST /fapi/v1/order symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01&reduceOnly=true");
  all.push_back(
      "POST /fapi/v1/algoOrder symbol=BTCUSDT&algoType=CONDITIONAL&side=SELL&type=STOP_MARKET&quantity=0.01&"
      "triggerPrice=59000&clientAlgoId=s&reduceOnly=true");
  all.push_back("GET /fapi/v1/klines symbol=BTCUSDT&interval=1m&limit=10&startTime=1&endTime=2");
  all.push_back("DELETE /fapi/v1/order symbol=BTCUSDT&origClientOrderId=a");
  all.push_back("PUT /fapi/v1/order symbol=BTCUSDT&origClientOrderId=a&side=BUY&quantity=0.02&price=58000");
  all.push_back(
      "POST /fapi/v1/batchOrders batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C"
      "%22type%22%3A%22MARKET%22%2C%22quantity%22%3A0.01%7D%5D");
  all.push_back("DELETE /fapi/v1/batchOrders symbol=BTCUSDT&origClientOrderIdList=%5B%22a%22%5D");
  all.push_back("POST /fapi/v1/countdownCancelAll symbol=BTCUSDT&countdownTime=1000");
  all.push_back(
      "POST /fapi/v1/algoOrder symbol=BTCUSDT&algoType=CONDITIONAL&side=SELL&type=TRAILING_STOP_MARKET&quantity=0.01&"
      "callbackRate=0.1&activatePrice=60100");
  all.push_back("POST /fapi/v1/positionSide/dual dualSidePosition=false");
  all.push_back("GET /fapi/v1/income symbol=BTCUSDT&incomeType=COMMISSION&page=2&limit=10");
  all.push_back("POST /fapi/v1/leverage symbol=BTCUSDT&leverage=20");
  return all;
}

std::vector<std::string> JsonWords() {
  return {"\"",    "{",     "}",        "[",   "]", ",",  ":",       "null",    "true", "{}",   "[]",    "\\u00",
          "\"s\"", "\"e\"", "\"data\"", "1.5", "-", "e9", "\"BUY\"", "\"NEW\"", "\"\"", "\xff", "\"E\":"};
}

std::vector<std::string> MarketFrames() {
  return {
      R"({"e":"trade","E":123456789,"s":"BTCUSDT","t":5933014,"p":"0.001","q":"100","T":123456785,"X":"MARKET","m":true})",
      R"({"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1,"T":2,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["0.0024","10"],["0.0023","0"]],"a":[["0.0026","100"]]}})",
      R"({"e":"bookTicker","u":400900217,"E":1,"T":2,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"})",
      R"({"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"0.00038167","T":1562306400000})",
      R"({"lastUpdateId":100,"E":1,"T":1,"bids":[["60000","1"]],"asks":[["60000.1","0.002"]]})"};
}

std::vector<std::string> UserFrames() {
  return {
      R"({"e":"ORDER_TRADE_UPDATE","T":1,"E":1,"o":{"s":"BTCUSDT","c":"qt","S":"BUY","o":"LIMIT","f":"GTC","q":"0.002","p":"7100.50","ap":"7100.50123456789","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.001","z":"0.001","L":"7100.50","N":"USDT","n":"0.01","T":1,"t":12345678,"b":"0","a":"0","m":true,"R":false,"ot":"LIMIT","ps":"BOTH","rp":"12.34"}})",
      R"({"e":"ALGO_UPDATE","T":1,"E":1,"o":{"caid":"qt-stop","aid":2148719,"at":"CONDITIONAL","o":"STOP_MARKET","s":"BTCUSDT","S":"SELL","ps":"BOTH","f":"GTC","q":"0.01","X":"TRIGGERED","ai":"99","tp":"750","p":"0","R":true}})",
      R"({"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"122624.12","cw":"100.12","bc":"50.1"}],"P":[{"s":"BTCUSDT","pa":"0.01","ep":"6563.6","cr":"0","up":"0","mt":"cross","iw":"0.0","ps":"BOTH"}]}})",
      R"({"e":"listenKeyExpired","E":1,"listenKey":"abc"})"};
}

std::vector<std::string> RestBodies() {
  return {
      R"({"serverTime":1499827319559})",
      MarketFrames().back(),
      R"([[1499040000000,"0.01","0.8","0.01","0.02","148976.1",1499644799999,"2434.1",308,"1756.8","28.4","0"]])",
      R"({"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}],"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","minPrice":"556.80","maxPrice":"4529764","tickSize":"0.10"},{"filterType":"LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001"},{"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","maxQty":"120","minQty":"0.001"},{"filterType":"MIN_NOTIONAL","notional":"100"},{"filterType":"PERCENT_PRICE","multiplierUp":"1.0500","multiplierDown":"0.9500","multiplierDecimal":"4"}]}]})",
      R"([{"symbol":"BTCUSDT","brackets":[{"bracket":1,"initialLeverage":125,"maintMarginRatio":0.004}]}])",
      R"({"orderId":12345678,"symbol":"BTCUSDT","status":"PARTIALLY_FILLED","clientOrderId":"t","price":"50000.00","avgPrice":"49999.123456789","origQty":"0.002","executedQty":"0.001","type":"LIMIT","reduceOnly":true,"side":"BUY","stopPrice":"0.00","updateTime":1})",
      R"([{"algoId":1,"clientAlgoId":"qt-stop","algoType":"CONDITIONAL","orderType":"STOP_MARKET","symbol":"BTCUSDT","side":"SELL","quantity":"0.001","triggerPrice":"45000.00","reduceOnly":true,"createTime":1,"updateTime":2,"algoStatus":"NEW","actualOrderId":""}])",
      R"([{"symbol":"BTCUSDT","positionAmt":"0.001","entryPrice":"22185.2","markPrice":"21123.05","unRealizedProfit":"-1.0","liquidationPrice":"19731","leverage":"3","positionSide":"BOTH","updateTime":1}])",
      R"({"totalWalletBalance":"103.1","availableBalance":"100.2","totalUnrealizedProfit":"0.0","assets":[{"asset":"USDT","walletBalance":"23.7","availableBalance":"23.7"}],"positions":[]})",
      R"({"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"})",
      R"({"code":-2019,"msg":"Margin is insufficient."})"};
}

std::vector<std::string> Payloads() {
  event::Decision decision;
  decision.decision_id = "d-1";
  decision.symbol = "BTCUSDT";
  decision.quantity = *trading::Decimal::Parse("0.002");
  decision.reference_price = *trading::Decimal::Parse("61800.2");
  decision.stop_loss = *trading::Decimal::Parse("61000");
  decision.mode = "PAPER";
  return {event::ToJson(decision),
          event::ToJson(event::Approval{.decision = decision, .reservation_id = "r", .policy_version = 3}),
          event::ToJson(event::Gap{.symbol = "BTCUSDT", .from = 1, .to = 2, .filled = true}),
          event::ToJson(event::Tick{}),
          event::ToJson(event::Kline{}),
          event::ToJson(event::Signal{}),
          event::ToJson(event::Rejection{}),
          event::ToJson(event::OrderUpdate{}),
          event::ToJson(event::TradeUpdate{}),
          event::ToJson(event::PositionUpdate{}),
          event::ToJson(event::EssChange{.metrics = event::EssMetrics{}}),
          "61800.25",
          "-0.00000001"};
}

}  // namespace

std::vector<Target> ExchangeTargets() {
  std::vector<std::string> words = JsonWords();
  std::vector<std::string> form{"&", "=", "%", "symbol=", "quantity=", "price=", "limit=", "-", "+", "%00"};
  return {
      {.name = "market-frame",
       .run = MarketFrame,
       .corpus = MarketFrames(),
       .words = words,
       .folder = "binance_messages"},
      {.name = "user-frame", .run = UserFrame, .corpus = UserFrames(), .words = words, .folder = "binance_messages"},
      {.name = "rest-body",
       .run = RestBody,
       .corpus = RestBodies(),
       .words = words,
       .folder = "binance_messages",
       .cost = 4},
      {.name = "recorded-frame",
       .run = RecordedFrame,
       .corpus = MarketFrames(),
       .words = words,
       .folder = "binance_messages"},
      {.name = "account-record",
       .run = AccountRecord,
       .corpus = {paper::EncodeRecord(paper::WalletOpened{*trading::Decimal::Parse("10000")}),
                  paper::EncodeRecord(paper::OrderChanged{}), paper::EncodeRecord(paper::AlgoChanged{}),
                  paper::EncodeRecord(paper::Filled{}), paper::EncodeRecord(paper::LeverageSet{"BTCUSDT", 5}),
                  paper::EncodeRecord(paper::CountdownSet{"BTCUSDT", 5, 6}),
                  paper::EncodeRecord(paper::FundingSettled{}), paper::EncodeRecord(paper::FundingKept{})},
       .words = words},
      {.name = "event-payload", .run = EventPayload, .corpus = Payloads(), .words = words, .cost = 3},
      {.name = "paper-request", .run = PaperRequest, .corpus = Requests(), .words = form, .cost = 4},
  };
}

}  // namespace quantum::fuzz
