#include "platform/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "platform/metrics/names.h"

namespace quantum::metrics {
namespace {

using testing::HasSubstr;

TEST(Metrics, ACounterAppearsInTheTextFormatWithHelpTypeAndLabels) {
  GetCounter(kSignals, {{"signal_type", "BUY"}, {"model", "trend"}}).Add(3);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("# HELP signals_generated_total Signals by type and model\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE signals_generated_total counter\n"));
  EXPECT_THAT(text, HasSubstr("signals_generated_total{model=\"trend\",signal_type=\"BUY\"} 3\n"));
}

TEST(Metrics, TheSameNameAndLabelsGiveTheSameSeries) {
  Counter& first = GetCounter(kRiskChecks, {{"check_type", "leverage"}, {"result", "ok"}});
  Counter& second = GetCounter(kRiskChecks, {{"result", "ok"}, {"check_type", "leverage"}});
  EXPECT_EQ(&first, &second);
  EXPECT_NE(&first, &GetCounter(kRiskChecks, {{"check_type", "leverage"}, {"result", "refused"}}));
}

TEST(Metrics, AGaugeHoldsItsLastValue) {
  Gauge& gauge = GetGauge(kPositionsOpen);
  gauge.Set(7);
  gauge.Add(-2);
  EXPECT_EQ(gauge.value(), 5);
  EXPECT_THAT(Scrape(), HasSubstr("positions_open 5\n"));
}

TEST(Metrics, DurationsHaveEdgesAtTheObjectives) {
  Histogram& histogram = GetHistogram(kHttpRequestDuration, {{"endpoint", "/health"}});
  histogram.Observe(0.15);
  histogram.Observe(0.45);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("http_request_duration_seconds_bucket{endpoint=\"/health\",le=\"0.2\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("http_request_duration_seconds_bucket{endpoint=\"/health\",le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("http_request_duration_seconds_count{endpoint=\"/health\"} 2\n"));
}

TEST(Metrics, AFamilyMayHaveItsOwnEdges) {
  const Spec spec{"own_edges_seconds", "For this test", {1, 2}};
  GetHistogram(spec).Observe(1.5);
  EXPECT_THAT(Scrape(), HasSubstr("own_edges_seconds_bucket{le=\"2\"} 1\n"));
}

TEST(Metrics, LabelsWithoutBoundEndInOneSeries) {
  const Spec spec{"unbounded_total", "For this test"};
  for (size_t i = 0; i < kSeriesMax + 10; ++i) {
    GetCounter(spec, {{"id", std::to_string(i)}}).Add();
  }
  EXPECT_EQ(GetCounter(spec, {{"id", "other"}}).value(), 10);
}

TEST(Metrics, ANameForTwoKindsIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Spec spec{"two_kinds", "For this test"};
  GetCounter(spec);
  EXPECT_DEATH(GetGauge(spec), "two_kinds|counters");
}

TEST(Metrics, ManyThreadsCountWithoutLoss) {
  const Spec spec{"threads_total", "For this test"};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) {
        GetCounter(spec, {{"thread", n % 2 == 0 ? "a" : "b"}}).Add();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(GetCounter(spec, {{"thread", "a"}}).value() + GetCounter(spec, {{"thread", "b"}}).value(), 40'000);
}

}  // namespace
}  // namespace quantum::metrics
