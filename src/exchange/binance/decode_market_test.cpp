#include "exchange/binance/decode_market.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::binance {
namespace {

using exchange::BookTicker;
using exchange::DepthUpdate;
using exchange::MarketTrade;
using exchange::MarkPrice;
using testing::HasSubstr;
using trading::operator""_dec;

constexpr std::string_view kTrade =
    R"({"e":"trade","E":123456789,"s":"BTCUSDT","t":5933014,"p":"0.001","q":"100","T":123456785,"X":"MARKET","m":true})";
constexpr std::string_view kDepth =
    R"({"e":"depthUpdate","E":123456789,"T":123456788,"s":"BTCUSDT","ps":"BTCUSDT","st":1,"U":157,"u":160,"pu":149,)"
    R"("b":[["0.0024","10"],["0.0023","0"]],"a":[["0.0026","100"]]})";

template <class T>
T Decode(std::string_view frame) {
  MarketDecoder decoder;
  const auto event = decoder.Decode(frame);
  if (!event.ok() || *event == nullptr || !std::holds_alternative<T>(**event)) {
    ADD_FAILURE() << (event.ok() ? "another kind of event" : event.error().message);
    return {};
  }
  return std::get<T>(**event);
}

std::string Complaint(std::string_view frame) {
  MarketDecoder decoder;
  const auto event = decoder.Decode(frame);
  EXPECT_FALSE(event.ok()) << frame.substr(0, 200);
  return event.ok() ? "" : event.error().message;
}

std::string Without(std::string_view frame, std::string_view part) {
  std::string text(frame);
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  text.erase(at, part.size());
  return text;
}

std::string With(std::string_view frame, std::string_view part, std::string_view replacement) {
  std::string text(frame);
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  text.replace(at, part.size(), replacement);
  return text;
}

TEST(MarketDecoder, ReadsATrade) {
  const auto trade = Decode<MarketTrade>(kTrade);
  EXPECT_EQ(trade.symbol, "BTCUSDT");
  EXPECT_EQ(trade.trade_id, 5933014);
  EXPECT_EQ(trade.price, "0.001"_dec);
  EXPECT_EQ(trade.quantity, "100"_dec);
  EXPECT_TRUE(trade.buyer_is_maker);
  EXPECT_EQ(trade.time_ms, 123456785);
  EXPECT_EQ(trade.event_ms, 123456789);
}

TEST(MarketDecoder, ReadsADepthUpdateWithItsSequence) {
  const auto update = Decode<DepthUpdate>(kDepth);
  EXPECT_EQ(update.first_update_id, 157);
  EXPECT_EQ(update.last_update_id, 160);
  EXPECT_EQ(update.previous_update_id, 149);
  ASSERT_EQ(update.bids.size(), 2u);
  EXPECT_EQ(update.bids[0].price, "0.0024"_dec);
  EXPECT_EQ(update.bids[1].quantity, "0"_dec);
  ASSERT_EQ(update.asks.size(), 1u);
  EXPECT_EQ(update.asks[0].quantity, "100"_dec);
}

TEST(MarketDecoder, ReadsBestPricesAndMarkPrices) {
  const auto ticker = Decode<BookTicker>(
      R"({"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000",)"
      R"("B":"31.21000000","a":"25.36520000","A":"40.66000000"})");
  EXPECT_EQ(ticker.update_id, 400900217);
  EXPECT_EQ(ticker.bid.price, "25.3519"_dec);
  EXPECT_EQ(ticker.ask.quantity, "40.66"_dec);
  const auto mark = Decode<MarkPrice>(
      R"({"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091",)"
      R"("P":"11784.25641265","r":"0.00038167","T":1562306400000})");
  EXPECT_EQ(mark.mark_price, "11794.15"_dec);
  EXPECT_EQ(mark.funding_rate, "0.00038167"_dec);
}

TEST(MarketDecoder, OpensTheEnvelopeOfCombinedStreams) {
  const std::string frame = R"({"stream":"btcusdt@trade","data":)" + std::string(kTrade) + "}";
  EXPECT_EQ(Decode<MarketTrade>(frame).trade_id, 5933014);
}

TEST(MarketDecoder, TheOrderOfFieldsDoesNotMatter) {
  EXPECT_EQ(Decode<MarketTrade>(R"({"m":false,"T":2,"q":"3","p":"4","t":5,"s":"X","E":6,"e":"trade"})").price, "4"_dec);
}

TEST(MarketDecoder, ATradeOutsideTheMarketHasNoQuantity) {
  EXPECT_TRUE(Decode<MarketTrade>(With(kTrade, "MARKET", "INSURANCE_FUND")).quantity.is_zero());
  EXPECT_EQ(Decode<MarketTrade>(With(With(kTrade, "MARKET", "NA"), "\"0.001\"", "\"0\"")).trade_id, 5933014);
}

TEST(MarketDecoder, PassesOverOtherStreamsAndAnswers) {
  MarketDecoder decoder;
  for (const std::string_view frame :
       {R"({"e":"aggTrade","E":1,"a":2,"s":"BTCUSDT","p":"1","q":"1","f":1,"l":1,"T":1,"m":true})",
        R"({"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1}})", R"({"result":null,"id":1})"}) {
    const auto event = decoder.Decode(frame);
    ASSERT_TRUE(event.ok()) << event.error().message;
    EXPECT_EQ(*event, nullptr);
  }
}

TEST(MarketDecoder, NamesTheFieldThatIsMissing) {
  EXPECT_THAT(Complaint(Without(kTrade, R"("p":"0.001",)")), HasSubstr("trade: field p is missing"));
  EXPECT_THAT(Complaint(Without(kTrade, R"("s":"BTCUSDT",)")), HasSubstr("field s is missing"));
  EXPECT_THAT(Complaint(Without(kTrade, R"(,"m":true)")), HasSubstr("field m is missing"));
  EXPECT_THAT(Complaint(Without(kDepth, R"("pu":149,)")), HasSubstr("depthUpdate: field pu is missing"));
  EXPECT_THAT(Complaint(Without(kDepth, R"(,"a":[["0.0026","100"]])")), HasSubstr("field a is missing"));
  EXPECT_THAT(Complaint(R"({"x":1})"), HasSubstr("field e is missing"));
}

TEST(MarketDecoder, NamesTheFieldThatIsMalformed) {
  EXPECT_THAT(Complaint(With(kTrade, R"("0.001")", R"("0.0x1")")), HasSubstr("field p"));
  EXPECT_THAT(Complaint(With(kTrade, R"("0.001")", "0.001")), HasSubstr("field p"));
  EXPECT_THAT(Complaint(With(kTrade, R"("0.001")", R"("1e3")")), HasSubstr("field p"));
  EXPECT_THAT(Complaint(With(kTrade, R"("0.001")", R"("99999999999999")")), HasSubstr("field p"));
  EXPECT_THAT(Complaint(With(kTrade, R"("0.001")", R"("-1")")), HasSubstr("field p"));
  EXPECT_THAT(Complaint(With(kTrade, "5933014", R"("five")")), HasSubstr("field t"));
  EXPECT_THAT(Complaint(With(kTrade, "true", "1")), HasSubstr("field m"));
  EXPECT_THAT(Complaint(With(kTrade, "BTCUSDT", std::string(100, 'B'))), HasSubstr("field s"));
  EXPECT_THAT(Complaint(With(kDepth, R"(["0.0023","0"])", R"(["0.0023"])")), HasSubstr("field b[1]"));
  EXPECT_THAT(Complaint(With(kDepth, R"(["0.0023","0"])", R"(["0.0023","-1"])")), HasSubstr("field b[1]"));
  EXPECT_THAT(Complaint(With(kDepth, R"(["0.0023","0"])", R"(["0.0023","1","2"])")), HasSubstr("field b[1]"));
}

TEST(MarketDecoder, RefusesWhatIsNoJsonAndWhatIsCut) {
  EXPECT_THAT(Complaint(""), HasSubstr("not a JSON object"));
  EXPECT_THAT(Complaint("hello"), HasSubstr("not a JSON object"));
  EXPECT_THAT(Complaint("[1,2]"), HasSubstr("not a JSON object"));
  for (size_t length = 1; length + 1 < kDepth.size(); ++length) {
    Complaint(kDepth.substr(0, length));
  }
}

TEST(MarketDecoder, RefusesOversizedFramesAndBooks) {
  EXPECT_THAT(Complaint(std::string(kFrameBytesMax + 1, ' ')), HasSubstr("exceeds the limit"));
  std::string levels;
  for (size_t i = 0; i <= kLevelsMax; ++i) {
    levels += R"(["0.0024","10"],)";
  }
  EXPECT_THAT(Complaint(With(kDepth, R"(["0.0024","10"],)", levels)), HasSubstr("field b holds more than"));
}

TEST(MarketDecoder, ABadFrameDoesNotDisturbTheNextOne) {
  MarketDecoder decoder;
  EXPECT_FALSE(decoder.Decode(kDepth.substr(0, 150)).ok());
  EXPECT_FALSE(decoder.Decode(Without(kTrade, R"("p":"0.001",)")).ok());
  const auto depth = decoder.Decode(kDepth);
  ASSERT_TRUE(depth.ok());
  EXPECT_EQ(std::get<DepthUpdate>(**depth).bids.size(), 2u);
  EXPECT_FALSE(decoder.Decode(Without(kTrade, R"("q":"100",)")).ok()) << "what an earlier frame held is not taken over";
}

TEST(MarketDecoder, BrokenJsonInFrontOfTheKindIsRefused) {
  EXPECT_THAT(Complaint("{\n  \"lastUpdateId\": 1027024,\n  \"bids\": [\n    [\n      \"4.00000000\",\n  }   "
                        "\"431.00000000\"\n    ]\n  ],\n  \"asks\": [\n    [\n      \"256.00000200\",\n      "
                        "\"12.00000000\"\n    ]\n  ]\n}\n"),
              HasSubstr("field e is missing"));
}

}  // namespace
}  // namespace quantum::binance
