#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/platform/stack.h"

// Pause and resume: what a service initiates stops and goes on, while it answers all the time.
namespace quantum::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

constexpr int kRounds = 10;  // seconds of ai-engine's own clock, each with more than one decision when it is not paused

void Set(Stack& stack, const std::string& unit, const std::string& what) {
  const Answer answer = Send(stack.ByOperator(unit, "POST", "/admin/" + what, "{}"));
  ASSERT_EQ(answer.status, 200) << unit << ": " << answer.body;
  EXPECT_EQ(json::parse(answer.body).at("paused").as_bool(), what == "pause") << unit;
}

// However a test ends, the tests after it find a service that does its work.
struct ResumeAtTheEnd {
  Stack& stack;
  std::string unit;
  ~ResumeAtTheEnd() { EXPECT_NO_THROW(Set(stack, unit, "resume")); }
};

TEST(Pause, OfAiEngineStopsItsDecisionsUntilResume) {
  Stack& stack = Stack::Get();
  const auto metric = [&](const char* name) {
    return stack.GetJson("/api/ai/health").at("metrics").at(name).to_number<int64_t>();
  };
  const auto uptime = [&] { return stack.GetJson("/api/ai/health").at("uptime_seconds").to_number<double>(); };
  const int64_t running = metric("decisions");
  ASSERT_TRUE(Eventually(seconds(60), [&] { return metric("decisions") >= running + 3; })) << "it makes no decisions";
  const ResumeAtTheEnd resume{stack, "ai-engine"};
  ASSERT_NO_FATAL_FAILURE(Set(stack, "ai-engine", "pause"));
  const auto pass = [&](double rounds) {
    const double since = uptime();
    return Eventually(seconds(60), [&] { return uptime() >= since + rounds; });
  };
  ASSERT_TRUE(pass(2));  // what /health says of decisions is up to a second old
  const int64_t paused = metric("decisions");
  ASSERT_TRUE(pass(kRounds));
  EXPECT_EQ(metric("decisions"), paused);
  ASSERT_NO_FATAL_FAILURE(Set(stack, "ai-engine", "resume"));
  EXPECT_TRUE(Eventually(seconds(60), [&] { return metric("decisions") >= paused + 3; })) << "it does not go on";
}

TEST(Pause, OfExecutionSendsNoEntryUntilResume) {
  Stack& stack = Stack::Get();
  const auto order = [&](const std::string& key) {
    const json::value price = stack.GetJson("/api/market/price?symbol=BTCUSDT");
    const double near_price = std::atof(price.at("bid").as_string().c_str());
    return SendWithinLimit(stack.ByOperator(
        "gateway", "POST", "/api/execution/order",
        fmt::format(R"({{"idempotency_key":"platform-test-{}","symbol":"BTCUSDT","side":"BUY","quantity":"0.002",
                        "stop_loss":"{:.1f}","leverage":1,"reduce_only":false}})",
                    key, near_price * 0.99)));
  };
  const std::string working = stack.Working("execution");
  const ResumeAtTheEnd resume{stack, working};
  ASSERT_NO_FATAL_FAILURE(Set(stack, working, "pause"));
  const Answer refused = order("paused");
  EXPECT_EQ(refused.status / 100, 4) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("PAUSED"));
  EXPECT_FALSE(stack.GetJson("/api/execution/orders?limit=1").at("items").as_array().empty()) << "it answers";
  ASSERT_NO_FATAL_FAILURE(Set(stack, working, "resume"));
  const int64_t resumed = NowMs();
  EXPECT_TRUE(stack.AwaitClosedAfter(resumed, 2, seconds(90))) << "trading does not go on";
}

}  // namespace
}  // namespace quantum::testing
