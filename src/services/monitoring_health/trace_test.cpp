#include "services/monitoring_health/trace.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "platform/base/id.h"
#include "platform/bus/codec.h"
#include "trading/events.h"

namespace quantum::monitoring_health {
namespace {

using redis::Reply;
using testing::ElementsAre;

constexpr const char* kId = "decision-0001";

bus::Event MakeEvent(std::string type, int64_t ts, uint64_t sequence, std::string cid = kId,
                     std::string producer = "execution-service") {
  bus::Event event;
  event.id = type + "#" + std::to_string(sequence) + producer;
  event.type = std::move(type);
  event.producer = producer;
  event.incarnation = "a1";
  event.sequence = sequence;
  event.source = std::move(producer);
  event.key = "BTCUSDT";
  event.correlation_id = std::move(cid);
  event.timestamp_ns = ts;
  event.payload = R"({"symbol": "BTCUSDT", "side": "BUY", "secret_sauce": 1})";
  return event;
}

Reply Text(std::string text) { return {Reply::Type::kString, std::move(text), 0, {}}; }

Reply Entry(const std::string& id, const bus::Event& event) {
  Reply fields{Reply::Type::kArray, {}, 0, {}};
  for (std::string& word : bus::EntryFields(event)) {
    fields.elements.push_back(Text(std::move(word)));
  }
  return {Reply::Type::kArray, {}, 0, {Text(id), std::move(fields)}};
}

Reply Page(std::vector<Reply> entries) { return {Reply::Type::kArray, {}, 0, std::move(entries)}; }

std::vector<std::string> TypesOf(const std::vector<TraceSearch::Found>& found) {
  std::vector<std::string> types;
  for (const auto& each : found) {
    types.push_back(each.event.type);
  }
  return types;
}

TEST(Trace, StandsInTheOrderOfTimeAcrossStreams) {
  TraceSearch search(kId, {"ai", "order", "risk"}, {});
  ASSERT_EQ(search.NextCommands().size(), 3u);
  search.OnReplies(
      {Page({Entry("1-0", MakeEvent("ai.decision.made", 100, 1, kId, "ai-engine-service"))}),
       Page({Entry("3-1", MakeEvent("order.filled", 400, 2)), Entry("3-0", MakeEvent("order.placed", 300, 1))}),
       Page({Entry("2-0", MakeEvent("risk.approved", 200, 1, kId, "risk-safety-service"))})});
  EXPECT_TRUE(search.NextCommands().empty());
  EXPECT_TRUE(search.complete());
  EXPECT_THAT(TypesOf(search.Result()),
              ElementsAre("ai.decision.made", "risk.approved", "order.placed", "order.filled"));
}

TEST(Trace, KeepsTheProducersOrderWithinOneInstant) {
  TraceSearch search(kId, {"order"}, {});
  search.NextCommands();
  search.OnReplies(
      {Page({Entry("3-2", MakeEvent("order.filled", 100, 12)), Entry("3-1", MakeEvent("order.placed", 100, 9)),
             Entry("3-0", MakeEvent("order.partially_filled", 100, 11))})});
  EXPECT_THAT(TypesOf(search.Result()), ElementsAre("order.placed", "order.partially_filled", "order.filled"));
}

TEST(Trace, HoldsARedeliveredEventOnceAndForeignOnesNever) {
  TraceSearch search(kId, {"order"}, {});
  search.NextCommands();
  const bus::Event event = MakeEvent("order.placed", 100, 1);
  search.OnReplies({Page(
      {Entry("1-0", event), Entry("2-0", event), Entry("3-0", MakeEvent("order.placed", 90, 2, "another-one"))})});
  EXPECT_THAT(TypesOf(search.Result()), ElementsAre("order.placed"));
}

TEST(Trace, ReadsPageByPageFromTheNewestBackwards) {
  TraceSearch search(kId, {"order"}, {.page = 2});
  EXPECT_THAT(search.NextCommands(),
              ElementsAre(ElementsAre("XREVRANGE", "quantum:stream:{order}", "+", "-", "COUNT", "2")));
  search.OnReplies(
      {Page({Entry("9-0", MakeEvent("order.filled", 9, 2)), Entry("8-5", MakeEvent("order.placed", 8, 1))})});
  EXPECT_THAT(search.NextCommands(),
              ElementsAre(ElementsAre("XREVRANGE", "quantum:stream:{order}", "(8-5", "-", "COUNT", "2")));
  search.OnReplies({Page({})});
  EXPECT_TRUE(search.complete());
}

TEST(Trace, StartsWhereAnIdWasBornWhenTheIdTells) {
  ManualClock clock;
  const std::string id = NewUuid(clock);
  const std::string start = std::to_string(ToUnixMs(clock.Now()) - 60'000);
  TraceSearch search(id, {"order"}, {.page = 2});
  EXPECT_THAT(search.NextCommands(),
              ElementsAre(ElementsAre("XRANGE", "quantum:stream:{order}", start, "+", "COUNT", "2")));
}

TEST(Trace, FindsTheBirthOnlyInUuidsOfVersionSeven) {
  EXPECT_EQ(BirthOf("018bcfe5-6800-7abc-8def-0123456789ab"), 1'700'000'000'000);
  EXPECT_EQ(BirthOf("018bcfe5-6800-4abc-8def-0123456789ab"), std::nullopt);
  EXPECT_EQ(BirthOf("018bcfzz-6800-7abc-8def-0123456789ab"), std::nullopt);
  EXPECT_EQ(BirthOf("decision-0001"), std::nullopt);
}

TEST(Trace, SaysThatItIsIncompleteWhenABoundWasHit) {
  TraceSearch search(kId, {"order"}, {.page = 1, .entries_max = 2});
  for (int i = 9; !search.NextCommands().empty(); --i) {
    ASSERT_GT(i, 6);
    search.OnReplies({Page({Entry(std::to_string(i) + "-0", MakeEvent("order.placed", i, static_cast<uint64_t>(i)))})});
  }
  EXPECT_FALSE(search.complete());
  EXPECT_EQ(search.Result().size(), 2u);
}

TEST(Trace, SaysThatItIsIncompleteWhenAStreamCouldNotBeRead) {
  TraceSearch search(kId, {"ai", "order"}, {});
  search.NextCommands();
  search.OnReplies(
      {Reply{Reply::Type::kError, "WRONGTYPE", 0, {}}, Page({Entry("1-0", MakeEvent("order.placed", 1, 1))})});
  EXPECT_TRUE(search.NextCommands().empty());
  EXPECT_FALSE(search.complete());
  EXPECT_EQ(search.Result().size(), 1u);
}

TEST(Trace, SurvivesEntriesThatAreNone) {
  TraceSearch search(kId, {"order"}, {});
  search.NextCommands();
  search.OnReplies({Page({Reply{}, Text("odd"), Page({Text("1-0"), Page({Text("cid"), Text(kId)})})})});
  EXPECT_TRUE(search.NextCommands().empty());
  EXPECT_TRUE(search.Result().empty());
  EXPECT_FALSE(search.complete());  // an unreadable entry carries the id
}

TEST(Trace, ExplainsWhatWasRefusedWithCodeValuesAndWords) {
  bus::Event rejected = MakeEvent("risk.rejected", 1, 1, kId, "risk-safety-service");
  rejected.payload =
      R"({"decision_id":"d-1","symbol":"BTCUSDT","codes":[{"code":"NOTIONAL_EXCEEDS_MAX","detail":"max=1000 got=1200"},)"
      R"({"code":"CONFIDENCE_BELOW_MIN","detail":"min=0.5 got=0.1000"}]})";
  trading::event::OrderUpdate order;
  order.client_order_id = "x";
  order.decision_id = "d-2";
  order.symbol = "BTCUSDT";
  order.status = trading::OrderStatus::kCanceled;
  order.reason = "DECISION_EXPIRED: expired_at=5 now=6";
  bus::Event expired = MakeEvent("order.canceled", 2'000'000, 2);
  expired.payload = trading::event::ToJson(order);
  const auto json = boost::json::parse(
      TraceJson(kId, {{"risk", rejected}, {"order", expired}, {"order", MakeEvent("order.canceled", 3, 3)}}, true));
  const auto& items = json.at("items").as_array();
  const auto& risk = items[0].at("refusals").as_array();
  ASSERT_EQ(risk.size(), 2u);
  EXPECT_EQ(risk[0].at("service").as_string(), "risk-safety-service");
  EXPECT_EQ(risk[0].at("detail").as_string(), "max=1000 got=1200");
  EXPECT_EQ(risk[0].at("meaning").as_string(), "it is worth more than the policy allows a position to be");
  const auto& execution = items[1].at("refusals").as_array();
  ASSERT_EQ(execution.size(), 1u);
  EXPECT_EQ(execution[0].at("decision_id").as_string(), "d-2");
  EXPECT_EQ(execution[0].at("code").as_string(), "DECISION_EXPIRED");
  EXPECT_EQ(execution[0].at("meaning").as_string(), "it came after its time");
  EXPECT_TRUE(items[2].at("refusals").as_array().empty()) << "an order event that cannot be read";
}

TEST(Trace, IsWrittenWithElapsedTimesAndAGlanceAtThePayload) {
  const auto json = boost::json::parse(TraceJson(
      kId, {{"order", MakeEvent("order.placed", 1'000'000, 1)}, {"order", MakeEvent("order.filled", 3'500'000, 2)}},
      true));
  EXPECT_EQ(json.at("items").as_array().size(), 2u);
  const auto& last = json.at("items").as_array()[1];
  EXPECT_EQ(last.at("elapsed_ms").as_double(), 2.5);
  EXPECT_EQ(last.at("what").as_string(), "order.filled");
  EXPECT_EQ(last.at("details").as_string(), "symbol=BTCUSDT side=BUY");
  EXPECT_EQ(last.at("payload").at("secret_sauce").as_int64(), 1);
  EXPECT_TRUE(json.at("complete").as_bool());
}

}  // namespace
}  // namespace quantum::monitoring_health
