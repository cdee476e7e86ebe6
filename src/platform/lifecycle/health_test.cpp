#include "platform/lifecycle/health.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

HealthFacts Facts() {
  return {.service = "ai-engine-service",
          .version = "0.1.0",
          .mode = "PAPER",
          .phase = "READY",
          .now = FromUnixMs(1'795'445'600'123),
          .uptime = 12'345ms};
}

DependencyHealth With(HealthStatus status, bool required = true) { return {.status = status, .required = required}; }

TEST(Health, AnErrorIsDownAndASlowAnswerDegraded) {
  EXPECT_EQ(Judge(std::string("{}"), 100ms, 100ms, true).status, HealthStatus::kOk);
  EXPECT_EQ(Judge(std::string("{}"), 101ms, 100ms, true).status, HealthStatus::kDegraded);
  const DependencyHealth down = Judge(Error{Errc::kUnavailable, "refused"}, 1ms, 100ms, true);
  EXPECT_EQ(down.status, HealthStatus::kDown);
  EXPECT_EQ(down.error, "refused");
}

TEST(Health, TheWorstOfWhatMattersDecides) {
  HealthSnapshot snapshot;
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kOk);
  snapshot.dependencies["redis"] = With(HealthStatus::kOk);
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kOk);
  snapshot.dependencies["gateway"] = With(HealthStatus::kDown, false);
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kDegraded);
  snapshot.dependencies["redis"] = With(HealthStatus::kDegraded);
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kDegraded);
  snapshot.dependencies["redis"] = With(HealthStatus::kDown);
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kDown);
}

TEST(Health, TheServicesOwnWordDegradesAndAHangingLoopIsDown) {
  HealthSnapshot snapshot;
  snapshot.degraded["models"] = "stale";
  EXPECT_EQ(Overall(Facts(), snapshot), HealthStatus::kDegraded);
  HealthFacts facts = Facts();
  facts.main_loop_alive = false;
  EXPECT_EQ(Overall(facts, {}), HealthStatus::kDown);
}

TEST(Health, AReasonThatOnlyCountsOnIsNotNews) {
  EXPECT_TRUE(SameButForDurations("BTCUSDT: nothing has come for 9.9 s", "BTCUSDT: nothing has come for 10 s"));
  EXPECT_TRUE(SameButForDurations("the oldest waits for 59 s", "the oldest waits for 1.5 min"));
  EXPECT_FALSE(SameButForDurations("", "1 order is unknown"));
  EXPECT_FALSE(SameButForDurations("1 orders are unknown", "40 orders are unknown"));
  EXPECT_FALSE(SameButForDurations("halted: incident 17", "halted: incident 18"));
  EXPECT_FALSE(SameButForDurations("BTCUSDT: nothing has come for 3 s", "BTCUSDT: the book is being built"));
}

TEST(Health, TheDocumentHasTheAgreedShape) {
  HealthSnapshot snapshot;
  snapshot.dependencies["redis"] = Judge(std::string(R"({"master": "127.0.0.1:6379"})"), 1'234us, 100ms, true);
  snapshot.dependencies["postgres"] = Judge(Error{Errc::kTimeout, "no answer"}, 1s, 200ms, true);
  snapshot.degraded["models"] = "stale";
  snapshot.component_metrics = R"({"signals": 7})";
  const json::value expected = json::parse(R"({
    "service": "ai-engine-service", "status": "DOWN", "version": "0.1.0", "timestamp": ")" +
                                           FormatIso8601(Facts().now) + R"(",
    "uptime_seconds": 12.345,
    "dependencies": {
      "redis": {"status": "OK", "latency_ms": 1.234, "error": null, "details": {"master": "127.0.0.1:6379"}},
      "postgres": {"status": "DOWN", "latency_ms": 1000.0, "error": "no answer", "details": {}}},
    "metrics": {"phase": "READY", "mode": "PAPER", "paused": false, "main_loop_alive": true,
                "degraded": {"models": "stale"}, "signals": 7}})");
  EXPECT_EQ(json::parse(HealthJson(Facts(), snapshot)), expected);
}

TEST(Health, MetricsThatAreNoJsonAreShownAsTheyAre) {
  HealthSnapshot snapshot;
  snapshot.component_metrics = "oops";
  EXPECT_EQ(json::parse(HealthJson(Facts(), snapshot)).at("metrics").at("text"), "oops");
}

}  // namespace
}  // namespace quantum::lifecycle
