#include "exchange/binance/decode_user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/status.h"

namespace quantum::binance {
namespace {

using exchange::BalanceChanged;
using exchange::PositionChanged;
using exchange::UserEvent;
using testing::HasSubstr;
using trading::OrderReport;
using trading::OrderStatus;
using trading::operator""_dec;

std::string OrderUpdate(std::string_view client_id, std::string_view status, std::string_view order_id = "8886774",
                        std::string_view trade_id = "12345678") {
  return R"({"e":"ORDER_TRADE_UPDATE","T":1568879465651,"E":1568879465651,"o":{"s":"BTCUSDT","c":")" +
         std::string(client_id) +
         R"(","S":"BUY","o":"LIMIT","f":"GTC","q":"0.002","p":"7100.50","ap":"7100.50123456789","sp":"0","x":"TRADE","X":")" +
         std::string(status) + R"(","i":)" + std::string(order_id) +
         R"(,"l":"0.001","z":"0.001","L":"7100.50","N":"USDT","n":"0.01000000","T":1568879465651,"t":)" +
         std::string(trade_id) + R"(,"b":"0","a":"0","m":true,"R":false,"ot":"LIMIT","ps":"BOTH","rp":"12.34"}})";
}

std::string AlgoUpdate(std::string_view status, std::string_view spawned = "") {
  return R"({"e":"ALGO_UPDATE","T":1750515742297,"E":1750515742303,"o":{"caid":"qt-stop","aid":2148719,)"
         R"("at":"CONDITIONAL","o":"STOP_MARKET","s":"BTCUSDT","S":"SELL","ps":"BOTH","f":"GTC","q":"0.01","X":")" +
         std::string(status) + R"(","ai":")" + std::string(spawned) + R"(","tp":"750","p":"0","R":true}})";
}

UserMessage Decode(UserDecoder& decoder, const std::string& frame) {
  const Result<UserMessage> message = decoder.Decode(frame);
  EXPECT_TRUE(message.ok()) << (message.ok() ? "" : message.error().message);
  return message.ok() ? *message : UserMessage{};
}

TEST(UserDecoder, ReadsAFillWithItsNumbers) {
  UserDecoder decoder;
  const UserMessage message = Decode(decoder, OrderUpdate("TEST", "PARTIALLY_FILLED"));
  ASSERT_EQ(message.events.size(), 1u);
  const auto& report = std::get<OrderReport>(message.events[0]);
  EXPECT_EQ(report.client_order_id, "TEST");
  EXPECT_EQ(report.exchange_order_id, "8886774");
  EXPECT_EQ(report.status, OrderStatus::kPartiallyFilled);
  EXPECT_EQ(report.filled_quantity, "0.001"_dec);
  EXPECT_EQ(report.average_price, "7100.50123456"_dec) << "what the venue computed is cut after eight decimals";
  ASSERT_TRUE(report.fill);
  EXPECT_EQ(report.fill->trade_id, 12345678);
  EXPECT_EQ(report.fill->price, "7100.5"_dec);
  EXPECT_EQ(report.fill->fee, "0.01"_dec);
  EXPECT_EQ(report.fill->realized_pnl, "12.34"_dec);
  EXPECT_TRUE(report.fill->maker);
  EXPECT_EQ(ToUnixMs(report.time), 1568879465651);
}

TEST(UserDecoder, ReadsBalancesInUsdtAndOneWayPositions) {
  UserDecoder decoder;
  const UserMessage message = Decode(
      decoder,
      R"({"e":"ACCOUNT_UPDATE","T":1,"E":1,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"122624.12345678","cw":"1","bc":"0"},)"
      R"({"a":"BNFCR","wb":"5","cw":"5","bc":"0"}],"P":[{"s":"BTCUSDT","pa":"-20","ep":"6563.6","ps":"BOTH"},)"
      R"({"s":"BTCUSDT","pa":"10","ep":"1","ps":"LONG"}]}})");
  ASSERT_EQ(message.events.size(), 2u);
  EXPECT_EQ(std::get<BalanceChanged>(message.events[0]).wallet_balance, "122624.12345678"_dec);
  EXPECT_EQ(std::get<BalanceChanged>(message.events[0]).reason, "ORDER");
  EXPECT_EQ(std::get<PositionChanged>(message.events[1]).quantity, "-20"_dec);
}

TEST(UserDecoder, FundingComesWithoutPositions) {
  UserDecoder decoder;
  const UserMessage message = Decode(
      decoder,
      R"({"e":"ACCOUNT_UPDATE","T":1,"E":1,"a":{"m":"FUNDING_FEE","B":[{"a":"USDT","wb":"9999.5","cw":"1","bc":"-0.5"}]}})");
  ASSERT_EQ(message.events.size(), 1u);
  EXPECT_EQ(std::get<exchange::BalanceChanged>(message.events[0]).reason, "FUNDING_FEE");
}

TEST(UserDecoder, AConditionalOrderReportsItsOwnLifeButNotItsTrigger) {
  struct Row {
    const char* status;
    std::optional<OrderStatus> reported;
  };
  for (const Row& row :
       {Row{"NEW", OrderStatus::kNew}, Row{"CANCELED", OrderStatus::kCanceled}, Row{"EXPIRED", OrderStatus::kExpired},
        Row{"REJECTED", OrderStatus::kExpired}, Row{"TRIGGERING", {}}, Row{"TRIGGERED", {}}, Row{"FINISHED", {}}}) {
    UserDecoder decoder;
    const UserMessage message = Decode(decoder, AlgoUpdate(row.status));
    ASSERT_EQ(message.events.size(), row.reported ? 1u : 0u) << row.status;
    if (row.reported) {
      const auto& report = std::get<OrderReport>(message.events[0]);
      EXPECT_EQ(report.status, *row.reported) << row.status;
      EXPECT_EQ(report.client_order_id, "qt-stop");
    }
  }
}

TEST(UserDecoder, TheOrderThatATriggerSpawnedReportsUnderTheConditionalOrdersId) {
  UserDecoder decoder;
  const auto client_id = [&](const std::string& frame) {
    return std::get<OrderReport>(Decode(decoder, frame).events.at(0)).client_order_id;
  };
  EXPECT_EQ(client_id(OrderUpdate("qt-stop", "PARTIALLY_FILLED")), "qt-stop") << "it carries clientAlgoId itself";
  Decode(decoder, AlgoUpdate("TRIGGERED", "777"));
  EXPECT_EQ(client_id(OrderUpdate("made-by-the-venue", "PARTIALLY_FILLED", "777")), "qt-stop");
  EXPECT_EQ(client_id(OrderUpdate("another", "PARTIALLY_FILLED", "778")), "another");
}

TEST(UserDecoder, TheLinksItRemembersAreBounded) {
  UserDecoder decoder;
  for (size_t i = 0; i <= UserDecoder::kLinksMax; ++i) {
    decoder.Link(std::to_string(i), "x");
  }
  EXPECT_EQ(decoder.ClientIdOf("0", "own"), "own");
  EXPECT_EQ(decoder.ClientIdOf("1", "own"), "x");
}

TEST(UserDecoder, SaysThatTheListenKeyExpired) {
  UserDecoder decoder;
  EXPECT_TRUE(Decode(decoder, R"({"e":"listenKeyExpired","E":1,"listenKey":"k"})").listen_key_expired);
}

TEST(UserDecoder, PassesOverOtherEvents) {
  UserDecoder decoder;
  EXPECT_TRUE(Decode(decoder, R"({"e":"TRADE_LITE","E":1,"s":"BTCUSDT"})").events.empty());
  EXPECT_TRUE(Decode(decoder, R"({"e":"MARGIN_CALL","E":1})").events.empty());
}

TEST(UserDecoder, NamesTheFieldThatIsWrong) {
  UserDecoder decoder;
  const auto complaint = [&](const std::string& frame) {
    const auto message = decoder.Decode(frame);
    EXPECT_FALSE(message.ok()) << frame;
    return message.ok() ? std::string() : message.error().message;
  };
  EXPECT_THAT(complaint("nonsense"), HasSubstr("not JSON"));
  EXPECT_THAT(complaint("{}"), HasSubstr("field e is missing"));
  EXPECT_THAT(complaint(R"({"e":"ORDER_TRADE_UPDATE"})"), HasSubstr("field o is missing"));
  EXPECT_THAT(complaint(OrderUpdate("TEST", "SOMETHING")), HasSubstr("field X"));
  EXPECT_THAT(complaint(OrderUpdate("TEST", "NEW", "\"text\"")), HasSubstr("field i"));
  EXPECT_THAT(complaint(AlgoUpdate("WHAT")), HasSubstr("ALGO_UPDATE.o: field X"));
  EXPECT_THAT(complaint(R"({"e":"ACCOUNT_UPDATE","a":{"m":"ORDER","B":[{"a":"USDT","wb":"1e5"}],"P":[]}})"),
              HasSubstr("field wb"));
}

TEST(Status, LiquidationsFollowFromWhatWasFilled) {
  EXPECT_EQ(*StatusOfOrder("NEW_ADL", "0.005"_dec, "0.005"_dec), OrderStatus::kFilled);
  EXPECT_EQ(*StatusOfOrder("NEW_INSURANCE", "0.001"_dec, "0.005"_dec), OrderStatus::kPartiallyFilled);
  EXPECT_EQ(*StatusOfOrder("NEW_INSURANCE", "0"_dec, "0.005"_dec), OrderStatus::kNew);
  EXPECT_EQ(*StatusOfOrder("EXPIRED_IN_MATCH", "0"_dec, "1"_dec), OrderStatus::kExpired);
}

}  // namespace
}  // namespace quantum::binance
