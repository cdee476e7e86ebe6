#include "services/monitoring_health/topic_alerts.h"

#include <gmock/gmock.h>

#include "services/monitoring_health/unit_report.h"

namespace quantum::monitoring_health {
namespace {

TEST(TopicAlerts, EachTopicIsAnAlertOfItsOwnAndAnUnprotectedPositionIsCritical) {
  const auto alerts = TopicAlerts("execution", {{"halt", "halted: by hand"}, {"unprotected", "BTCUSDT has no stop"}});
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(alerts[0].key, "service_degraded:execution:halt");
  EXPECT_EQ(alerts[0].severity, Severity::kWarning);
  EXPECT_EQ(alerts[1].key, "service_degraded:execution:unprotected");
  EXPECT_EQ(alerts[1].severity, Severity::kCritical);
  EXPECT_EQ(alerts[1].summary, "execution is degraded: unprotected: BTCUSDT has no stop");
}

TEST(TopicAlerts, KeysAreShortAndPlainAndBounded) {
  EXPECT_EQ(TopicAlerts("marketdata", {{"market data BTCUSDT", "x"}})[0].key,
            "service_degraded:marketdata:market-data-BTCUSDT");
  std::map<std::string, std::string> many;
  for (int i = 0; i < 1000; ++i) {
    many[std::to_string(i) + std::string(1000, '"')] = "x";
  }
  const auto alerts = TopicAlerts("x", many);
  EXPECT_EQ(alerts.size(), kTopicsMax);
  EXPECT_LT(alerts[0].key.size(), 100u);
}

TEST(TopicAlerts, AServicesReportIsTakenApartIntoTopicsAndTheRest) {
  const Verdict verdict = JudgeServiceAnswer(
      "execution", 200,
      R"({"service": "execution-service", "status": "DEGRADED", "dependencies": {"redis": {"status": "DEGRADED",
          "error": "slow"}}, "metrics": {"degraded": {"halt": "halted: by hand"}}})");
  EXPECT_EQ(verdict.degraded, (std::map<std::string, std::string>{{"halt", "halted: by hand"}}));
  EXPECT_EQ(verdict.beside_topics, "redis is DEGRADED: slow");
  EXPECT_EQ(verdict.error, "redis is DEGRADED: slow; halt: halted: by hand");
}

TEST(ComponentOf, GoesByTheNameThatTheServiceGivesItself) {
  EXPECT_EQ(ComponentOf("execution", "service"), "execution-service");
  EXPECT_EQ(ComponentOf("paper-exchange", "service"), "paper-exchange");
  EXPECT_EQ(ComponentOf("redis-1", "server"), "redis-1");
}

}  // namespace
}  // namespace quantum::monitoring_health
