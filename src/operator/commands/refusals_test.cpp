#include "operator/commands/refusals.h"

#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

namespace json = boost::json;

const char* const kRecorded =
    R"({"items":[{"time":5,"service":"execution-service","decision_id":"d-1","symbol":"BTCUSDT",)"
    R"("code":"DECISION_EXPIRED","detail":"expired_at=5 now=6","meaning":"it came after its time"}]})";

TEST(Refusals, StandOnceWhetherAnEventOrTheRecordTellsThem) {
  json::object event{{"what", "order.canceled"}, {"refusals", json::parse(kRecorded).at("items")}};
  json::value earlier = json::parse(kRecorded);
  earlier.at("items").at(0).as_object()["time"] = 3;
  earlier.at("items").at(0).as_object()["code"] = "DUPLICATE_DECISION";
  const json::value trace = json::object{{"items", json::array{event, json::object{{"what", "order.placed"}}}}};
  const json::array all = CollectRefusals(trace, {json::parse(kRecorded), earlier});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].at("code").as_string(), "DUPLICATE_DECISION") << "in the order of time";
  EXPECT_EQ(all[1].at("code").as_string(), "DECISION_EXPIRED");
}

TEST(Refusals, AreThereWithoutEventsAndWithoutTheRecord) {
  EXPECT_EQ(CollectRefusals(nullptr, {nullptr, json::parse(kRecorded)}).size(), 1u);
  const json::value trace =
      json::object{{"items", json::array{json::object{{"refusals", json::parse(kRecorded).at("items")}}}}};
  EXPECT_EQ(CollectRefusals(trace, {nullptr, nullptr}).size(), 1u);
  EXPECT_TRUE(CollectRefusals("odd", {json::value(7), nullptr}).empty());
}

TEST(Refusals, AreExplainedInCodeValuesAndWords) {
  EXPECT_EQ(Explain(json::parse(kRecorded).at("items").at(0)),
            "execution-service: BTCUSDT d-1: DECISION_EXPIRED (expired_at=5 now=6): it came after its time.");
  EXPECT_EQ(Explain(json::object{{"service", "s"}, {"symbol", "X"}, {"decision_id", "d"}, {"code", "NEW_ONE"}}),
            "s: X d: NEW_ONE.");
}

}  // namespace
}  // namespace quantum::operate
