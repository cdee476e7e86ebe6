#include "trading/events.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quantum::trading::event {
namespace {

Decision MakeDecision() {
  Decision decision;
  decision.decision_id = "d-1";
  decision.symbol = "BTCUSDT";
  decision.quantity = "0.002"_dec;
  decision.reference_price = "61800.2"_dec;
  decision.stop_loss = "61000"_dec;
  decision.expires_at = 1723161256299;
  decision.mode = "PAPER";
  return decision;
}

TEST(Events, ADecisionSurvivesItsJson) {
  const Approval approval{.decision = MakeDecision(), .reservation_id = "r-1", .policy_version = 3};
  const Approval parsed = ParseApproval(ToJson(approval)).value();
  EXPECT_EQ(parsed.decision.quantity, "0.002"_dec);
  EXPECT_EQ(parsed.decision.stop_loss, "61000"_dec);
  EXPECT_FALSE(parsed.decision.take_profit.has_value());
  EXPECT_EQ(parsed.policy_version, 3);
}

TEST(Events, MoneyIsTextNeverAFloat) {
  EXPECT_NE(ToJson(MakeDecision()).find(R"("quantity":"0.002")"), std::string::npos);
  const auto parsed = ParseTick(R"({"symbol":"BTCUSDT","price":61800.2})");
  EXPECT_EQ(parsed.error().message, "field 'price' must be a decimal string, never a float");
}

TEST(Events, AMissingFieldIsNamedWithItsPath) {
  EXPECT_EQ(ParseApproval(R"({"decision":{"decision_id":"d"},"reservation_id":"","policy_version":1})").error().message,
            "field 'decision.symbol' is missing");
  EXPECT_EQ(ParseTick("[]").error().message, "payload is not a JSON object");
  EXPECT_FALSE(ParseTick("{").ok());
}

TEST(Events, AnEmergencyStopsChangeCarriesWhatItWasJudgedOnAndOldOnesAreStillRead) {
  const EssChange change{.from = "ARMED",
                         .to = "TRIPPED",
                         .reason = "OPEN_LOSS: a",
                         .by = "risk-safety",
                         .metrics = EssMetrics{.open_loss_percent = "10.5"_dec, .execution_errors = 2},
                         .time = 5};
  const EssChange parsed = ParseEssChange(ToJson(change)).value();
  EXPECT_EQ(parsed.metrics->open_loss_percent, "10.5"_dec);
  EXPECT_FALSE(parsed.metrics->daily_drawdown_percent.has_value());
  EXPECT_EQ(parsed.metrics->execution_errors, 2);
  EXPECT_EQ(parsed.by, "risk-safety");
  const auto old = ParseEssChange(R"({"from":"ARMED","to":"TRIPPED","reason":"r","time":1})");
  EXPECT_FALSE(old.value().metrics.has_value());
}

TEST(Events, ANumberThatIsNoneIsRefused) {
  for (const std::string number : {"1e400", "-1e400", "0e8888"}) {
    const auto parsed = ParseSignal(R"({"symbol":"","timeframe":"","action":"","probability":)" + number +
                                    R"(,"disagreement":0,"votes":[],"model_hash":"","regime":"","time":0})");
    ASSERT_FALSE(parsed.ok()) << number;
    EXPECT_EQ(parsed.error().message, "field 'probability' must be a finite number");
  }
}

TEST(Events, AShareReadAndWrittenAgainIsTheSame) {
  Decision decision = MakeDecision();
  for (const double share : {0.23820188140736326, 0.9496706392278069, -9.223372036854776e40, 0.7, 1.0, 0.0}) {
    decision.confidence = share;
    const std::string json = ToJson(decision);
    const Decision parsed = ParseDecision(json).value();
    EXPECT_EQ(ToJson(parsed), json);
    EXPECT_NEAR(parsed.confidence, share, std::fabs(share) * 1e-11);
  }
}

TEST(Events, TextOfAnyKindSurvives) {
  for (const std::string text : {"", "\"", "\\", "a\"b\\c", "line\nnext\ttab\x01", "caf\u00e9 \u20bf", "/", "\x7f"}) {
    Rejection rejection{.decision_id = text, .symbol = "BTCUSDT", .refusals = {{"CODE", text}, {text, "detail"}}};
    const auto read = ParseRejection(ToJson(rejection));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->decision_id, text);
    EXPECT_EQ(read->refusals.at(0).detail, text);
    EXPECT_EQ(read->refusals.at(1).code, text);
  }
}

TEST(Events, UnknownFieldsAreIgnored) {
  std::string json = ToJson(Gap{.symbol = "BTCUSDT", .from = 1, .to = 2, .filled = true});
  json.insert(1, R"("new_field":{"x":1},)");
  EXPECT_TRUE(ParseGap(json).value().filled);
}

TEST(Events, ADecisionWithoutAnIdIsRefused) {
  Decision decision = MakeDecision();
  decision.decision_id.clear();
  const auto parsed = ParseDecision(ToJson(decision));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message.find("field 'decision_id' is empty"), 0u) << parsed.error().message;
}

TEST(Events, AnOpeningWithoutAStopIsRefused) {
  Decision decision = MakeDecision();
  decision.stop_loss.reset();
  EXPECT_FALSE(ParseDecision(ToJson(decision)).ok());
  decision.intent = Intent::kClose;
  EXPECT_TRUE(ParseDecision(ToJson(decision)).ok());
}

}  // namespace
}  // namespace quantum::trading::event
