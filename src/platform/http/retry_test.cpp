#include "platform/http/retry.h"

#include <gtest/gtest.h>

#include "platform/http/wire.h"

namespace quantum::http {
namespace {

using namespace std::chrono_literals;

// 1994-11-06T08:49:37Z, the example of RFC 9110.
const WallTime kExample = WallTime(784111777s);

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("120", kExample), 120s);
  EXPECT_EQ(ParseRetryAfter(" 0 ", kExample), 0s);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", kExample - 30s), 30s);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", kExample + 1h), 0s);
}

TEST(RetryAfter, ReadsWhatFormatHttpDateWrites) {
  EXPECT_EQ(FormatHttpDate(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ParseRetryAfter(FormatHttpDate(kExample), kExample - 1s), 1s);
}

TEST(RetryAfter, IsNothingWhenItIsNonsense) {
  for (const char* text : {"", "soon", "-1", "1.5", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 25:49:37 GMT", "99999999999999"}) {
    EXPECT_FALSE(ParseRetryAfter(text, kExample)) << text;
  }
}

class Retrying : public testing::Test {
 protected:
  RetryPlan Plan(bool idempotent, int attempts_max = 3) { return {attempts_max, idempotent, budget_, random_}; }
  SeededRandom random_{1};
  resilience::RetryBudget budget_{0.2, 10};
};

TEST_F(Retrying, RepeatsWhatWasNeverSent) {
  RetryPlan plan = Plan(false);
  EXPECT_TRUE(plan.AfterFailure({.sent = false}, 10s));
  EXPECT_TRUE(plan.AfterFailure({.sent = false}, 10s));
  EXPECT_FALSE(plan.AfterFailure({.sent = false}, 10s)) << "three attempts in all";
}

TEST_F(Retrying, NeverRepeatsWhatWasSentUnlessItIsIdempotent) {
  EXPECT_FALSE(Plan(false).AfterFailure({.sent = true}, 10s));
  EXPECT_FALSE(Plan(false).AfterFailure({.sent = true, .stale = true}, 10s));
  EXPECT_TRUE(Plan(true).AfterFailure({.sent = true}, 10s));
}

TEST_F(Retrying, RepeatsAtOnceAndForFreeAfterAStaleConnection) {
  RetryPlan plan = Plan(true);
  EXPECT_EQ(plan.AfterFailure({.sent = true, .stale = true}, 10s), 0s);
  EXPECT_EQ(plan.attempts(), 1);
  const auto second = plan.AfterFailure({.sent = true, .stale = true}, 10s);
  EXPECT_GT(second.value_or(0s), 0s) << "once only";
}

TEST_F(Retrying, RepeatsIdempotentRequestsAfterTransientAnswers) {
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_TRUE(Plan(true).AfterAnswer(status, std::nullopt, 10s)) << status;
    EXPECT_FALSE(Plan(false).AfterAnswer(status, std::nullopt, 10s)) << status;
  }
  for (const int status : {200, 400, 401, 404, 409, 500, 501}) {
    EXPECT_FALSE(Plan(true).AfterAnswer(status, std::nullopt, 10s)) << status;
  }
}

TEST_F(Retrying, WaitsAtLeastAsLongAsTheServerAsks) {
  EXPECT_EQ(Plan(true).AfterAnswer(503, 7s, 10s), 7s);
  EXPECT_FALSE(Plan(true).AfterAnswer(503, 10s, 10s)) << "it would be too late";
}

TEST_F(Retrying, StopsWhenTheBudgetIsSpent) {
  while (budget_.TryRetry()) {
  }
  EXPECT_FALSE(Plan(true).AfterFailure({.sent = false}, 10s));
}

}  // namespace
}  // namespace quantum::http
