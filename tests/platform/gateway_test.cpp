#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <thread>

#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::HasSubstr;

json::value Problem(const Answer& answer) {
  EXPECT_EQ(answer.headers.count("content-type") == 1 ? answer.headers.at("content-type") : "",
            "application/problem+json")
      << answer.body;
  boost::system::error_code error;
  json::value problem = json::parse(answer.body, error);
  if (error || !problem.is_object()) {
    ADD_FAILURE() << "no problem details: " << answer.body;
    return json::object{{"detail", ""}, {"code", ""}};
  }
  for (const char* member : {"type", "title", "status", "detail", "correlation_id"}) {
    EXPECT_TRUE(problem.as_object().contains(member)) << member << " is missing in " << answer.body;
  }
  return problem;
}

constexpr const char* kOrder = R"({"symbol":"BTCUSDT","side":"BUY","quantity":"0.002","stop_loss":"1",
                                   "idempotency_key":"platform-test-order"})";

TEST(Gateway, RefusesAWriteWithoutAToken) {
  Stack& stack = Stack::Get();
  for (const char* path :
       {"/api/execution/order", "/api/execution/cancel-all", "/api/risk/ess/trip", "/api/ai/signal"}) {
    Probe probe = stack.ByOperator("gateway", "POST", path, kOrder);
    probe.headers.erase("Authorization");
    const Answer none = SendWithinLimit(probe);
    EXPECT_THAT(none.status, AnyOf(401, 403)) << path << ": " << none.body;
    Problem(none);
    probe.headers["Authorization"] = "Bearer 0000000000000000000000000000000000000000000000000000000000000000";
    EXPECT_THAT(SendWithinLimit(probe).status, AnyOf(401, 403)) << path;
  }
}

TEST(Gateway, RefusesAWriteFromAForeignPageEvenWithTheToken) {
  Stack& stack = Stack::Get();
  for (const char* unit : {"gateway", "execution"}) {
    Probe probe = stack.ByOperator(unit, "POST", "/api/execution/cancel-all", "{}");
    probe.headers["Origin"] = "http://evil.example";
    const Answer answer = SendWithinLimit(probe);
    EXPECT_EQ(answer.status, 403) << unit << ": " << answer.body;
    Problem(answer);
  }
}

TEST(Gateway, TakesAWriteFromItsOwnPage) {
  Stack& stack = Stack::Get();
  Probe probe = stack.ByOperator("gateway", "POST", "/api/execution/cancel-all", R"({"symbol":"BTCUSDT"})");
  probe.headers["Origin"] = fmt::format("http://127.0.0.1:{}", stack.Port("gateway"));
  const Answer answer = SendWithinLimit(probe);
  EXPECT_EQ(answer.status, 202) << answer.body;
}

TEST(Gateway, RefusesAFormThatAPageCouldPostWithoutAsking) {
  Stack& stack = Stack::Get();
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}) {
    Probe probe = stack.ByOperator("gateway", "POST", "/api/execution/cancel-all", "{}");
    probe.headers["Content-Type"] = type;
    const Answer answer = SendWithinLimit(probe);
    EXPECT_EQ(answer.status, 415) << type << ": " << answer.body;
    Problem(answer);
  }
}

TEST(Gateway, NeverRoutesWhatIsForTheOperatorAlone) {
  Stack& stack = Stack::Get();
  for (const char* path : {"/admin/pause", "/admin/shutdown", "/admin/log-level", "/api/ai/../../admin/pause",
                           "/api/ai/%2e%2e/%2e%2e/admin/pause", "/metrics", "/health"}) {
    const Answer answer = SendWithinLimit(stack.ByOperator("gateway", "POST", path, "{}"));
    EXPECT_EQ(answer.status, 404) << path << ": " << answer.body;
    Problem(answer);
  }
  EXPECT_EQ(stack.GetJson("/api/ai/health").at("metrics").at("paused").as_bool(), false);
}

TEST(Gateway, NamesTheFieldOfABodyThatIsWrong) {
  Stack& stack = Stack::Get();
  struct Case {
    const char* method;
    const char* path;
    const char* body;
    const char* named;
  };
  for (const Case& each :
       {Case{"POST", "/api/execution/order", R"({"symbol":"BTCUSDT"})", "idempotency_key"},
        Case{"POST", "/api/execution/order",
             R"({"idempotency_key":"platform-test-1","symbol":"BTCUSDT","side":"SIDEWAYS"})", "side"},
        Case{"POST", "/api/risk/ess/trip", R"({"reason":5})", "reason"},
        Case{"PUT", "/api/policy/NORMAL", R"({"value":{}})", "version"},
        Case{"POST", "/api/ai/signal", R"({"symbol":7,"timeframe":"5s"})", "symbol"},
        Case{"POST", "/api/execution/order", "{\"symbol\":", "JSON"}}) {
    const Answer answer = SendWithinLimit(stack.ByOperator("gateway", each.method, each.path, each.body));
    EXPECT_EQ(answer.status, 400) << each.path << ": " << answer.body;
    EXPECT_THAT(std::string(Problem(answer).at("detail").as_string()), HasSubstr(each.named)) << each.body;
  }
}

TEST(Gateway, RefusesABodyThatIsTooLarge) {
  Stack& stack = Stack::Get();
  const std::string large = R"({"symbol":")" + std::string(2 << 20, 'x') + "\"}";
  for (const char* unit : {"gateway", "ai-engine"}) {
    const Answer answer = SendWithinLimit(stack.ByOperator(unit, "POST", "/api/ai/signal", large));
    EXPECT_EQ(answer.status, 413) << unit << ": " << answer.body;
    Problem(answer);
  }
}

// The exerciser trades meanwhile: while it holds a position, an order for the other side is refused for that first. So
// both sides are asked in turn until the notional is what stands in the way; nothing but a refusal may come before it.
TEST(Gateway, AnOrderBeyondThePolicyIsRefusedWithTheCodeAndItsValues) {
  Stack& stack = Stack::Get();
  Answer answer;
  int asked = 0;
  const bool refused_for_its_size = Eventually(seconds(60), [&] {
    const bool buy = ++asked % 2 == 1;
    const json::value price = stack.GetJson("/api/market/price?symbol=BTCUSDT");
    const double near_price = std::atof(price.at("bid").as_string().c_str());
    answer = SendWithinLimit(stack.ByOperator(
        "gateway", "POST", "/api/execution/order",
        fmt::format(R"({{"idempotency_key":"platform-test-large-{}","symbol":"BTCUSDT","side":"{}","quantity":"50",
                        "stop_loss":"{:.1f}","leverage":1,"reduce_only":false}})",
                    asked, buy ? "BUY" : "SELL", near_price * (buy ? 0.99 : 1.01))));
    EXPECT_THAT(answer.status, AnyOf(409, 422)) << answer.body;
    return answer.body.find("NOTIONAL") != std::string::npos;
  });
  EXPECT_TRUE(refused_for_its_size) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("max=")) << answer.body;
}

// What nginx lets through of requests that arrive at these times: a bucket that loses `rate` a second and overflows
// beyond `burst`.
int PassedBy(const std::vector<double>& arrivals_s, double rate, double burst) {
  int passed = 0;
  double excess = 0;
  double last = arrivals_s.front();
  for (const double arrival : arrivals_s) {
    const double would_be = passed == 0 ? 0 : std::max(0.0, excess - (arrival - last) * rate + 1);
    if (would_be <= burst) {
      excess = would_be;
      last = arrival;
      ++passed;
    }
  }
  return passed;
}

// Open loop: requests leave by the clock, whether answers come or not. 100 a second and a burst of 20 pass by the
// contract. A slow machine cannot keep to the clock; so what has to pass is reckoned from when the requests did leave,
// and the only grant is what the bucket loses while a request may have been under way.
TEST(Gateway, LetsAHundredRequestsASecondThroughAndTellsTheRestWhenToComeBack) {
  Stack& stack = Stack::Get();
  constexpr int kRequests = 600;
  constexpr int kThreads = 40;
  constexpr std::chrono::microseconds kInterval(5000);
  constexpr double kRate = 100;
  constexpr double kBurst = 20;
  std::atomic<int> next{0};
  struct Sent {
    double at_s = 0;
    double took_s = 0;
    Answer answer;
  };
  std::vector<Sent> sent(kRequests);
  // The bucket of the requests of earlier tests is empty by then.
  const auto begin = steady_clock::now() + milliseconds(300);
  const auto since_begin = [&] { return std::chrono::duration<double>(steady_clock::now() - begin).count(); };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int number = next++; number < kRequests; number = next++) {
        std::this_thread::sleep_until(begin + number * kInterval);
        Sent& each = sent[static_cast<size_t>(number)];
        each.at_s = since_begin();
        each.answer = stack.Get("/api/ai/health");
        each.took_s = since_begin() - each.at_s;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::map<int, int> by_status;
  std::vector<double> arrivals_s;
  std::vector<double> took_s;
  for (const Sent& each : sent) {
    ++by_status[each.answer.end == Answer::End::kAnswered ? each.answer.status : -1];
    arrivals_s.push_back(each.at_s);
    took_s.push_back(each.took_s);
    if (each.answer.status == 429) {
      EXPECT_TRUE(each.answer.headers.contains("retry-after"));
      Problem(each.answer);
    }
  }
  std::sort(arrivals_s.begin(), arrivals_s.end());
  std::sort(took_s.begin(), took_s.end());
  std::string counts;
  for (const auto& [status, count] : by_status) {
    counts += fmt::format(" {}: {}", status, count);
  }
  const int expected = PassedBy(arrivals_s, kRate, kBurst);
  const double grant = 2 + kRate * took_s.back();
  Say(fmt::format("{} requests in {:.2f} s, the slowest took {:.0f} ms:{}; by the times they left, {} may pass",
                  kRequests, arrivals_s.back(), took_s.back() * 1000, counts, expected));
  EXPECT_EQ(by_status[200] + by_status[429], kRequests);
  if (expected + grant < kRequests) {  // else the machine was too slow to ask for more than may pass
    EXPECT_GT(by_status[429], 0);
  }
  EXPECT_NEAR(by_status[200], expected, grant);
}

}  // namespace
}  // namespace quantum::testing
