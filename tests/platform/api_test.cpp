#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/platform/stack.h"

// Every endpoint that the contract promises answers on the running platform: reads through the gateway where it routes
// them, else at the service; a policy's compare-and-set; a signal.
namespace quantum::testing {
namespace {

namespace json = boost::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr const char* kServices[] = {"ai-engine",  "execution",         "risk-safety",   "portfolio-intelligence",
                                     "marketdata", "monitoring-health", "paper-exchange"};

struct Endpoint {
  std::string path;
  const char* field;  // a JSON pointer to what the answer must hold
};

void ExpectField(const Stack& stack, const std::string& unit, const Endpoint& endpoint) {
  const Answer answer = SendWithinLimit({.port = stack.Port(unit), .path = endpoint.path});
  EXPECT_EQ(answer.status, 200) << unit << " " << endpoint.path << ": " << answer.body;
  boost::system::error_code error;
  const json::value body = json::parse(answer.body, error);
  EXPECT_NE(body.find_pointer(endpoint.field, error), nullptr)
      << unit << " " << endpoint.path << " lacks " << endpoint.field << ": " << answer.body;
}

// A closed trade of the exerciser: it has come the whole way, so that there is a trace of it.
json::value AwaitTrade(const Stack& stack) {
  json::value found;
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    const json::array trades = stack.ClosedTrades();
    const auto trade = std::find_if(trades.begin(), trades.end(),
                                    [](const json::value& each) { return each.at("strategy") == "exerciser"; });
    found = trade == trades.end() ? json::value() : *trade;
    return trade != trades.end();
  })) << "no trade is closed";
  return found;
}

TEST(Api, EveryReadOfTheContractAnswersThroughTheGateway) {
  Stack& stack = Stack::Get();
  const json::value trade = AwaitTrade(stack);
  const json::value orders = stack.GetJson("/api/execution/orders?limit=1");
  const auto text = [](const json::value& value) { return json::value_to<std::string>(value); };
  for (const Endpoint& endpoint : std::vector<Endpoint>{
           {"/api/ai/health", "/status"},
           {"/api/ai/models", "/items/0/name"},
           {"/api/ai/metrics/ensemble", "/symbols/BTCUSDT/bars"},
           {"/api/ai/metrics/meta-strategy", "/strategy"},
           {"/api/ai/metrics/rl-sizing", "/sizing"},
           {"/api/execution/health", "/status"},
           {"/api/execution/orders", "/items/0/client_order_id"},
           {"/api/execution/orders/" + text(orders.at_pointer("/items/0/client_order_id")), "/client_order_id"},
           {"/api/execution/positions", "/items/0/protected"},
           {"/api/execution/trades?status=CLOSED&limit=5", "/items/0/pnl_usd"},
           {"/api/execution/trades/" + text(trade.at("trade_id")), "/trade_id"},
           {"/api/risk/health", "/status"},
           {"/api/risk/ess/status", "/state"},
           {"/api/risk/limits/BTCUSDT", "/limits/leverage_max"},
           {"/api/policy", "/items/0/version"},
           {"/api/policy/NORMAL", "/value/leverage_max"},
           {"/api/portfolio/health", "/status"},
           {"/api/portfolio/snapshot", "/equity"},
           {"/api/portfolio/pnl", "/net_pnl"},
           {"/api/portfolio/exposure", "/gross"},
           {"/api/portfolio/drawdown", "/peak_equity"},
           {"/api/portfolio/performance", "/win_rate"},
           {"/api/market/health", "/status"},
           {"/api/market/price?symbol=BTCUSDT", "/price"},
           {"/api/market/book?symbol=BTCUSDT", "/bids/0/1"},
           {"/api/market/candles?symbol=BTCUSDT&interval=5s", "/0/open_time"},
           {"/api/health/health", "/status"},
           {"/api/health/system", "/units/0/status"},
           {"/api/health/alerts", "/items"},
           {"/api/health/trace/" + text(trade.at("correlation_id")), "/items/0/type"},
       }) {
    ExpectField(stack, "gateway", endpoint);
  }
  // No answer about money leaves open on which market it was made.
  const std::string source = text(stack.GetJson("/api/market/source").at("source"));
  EXPECT_THAT(source, AnyOf("synthetic", "recording"));
  for (const char* path : {"/api/execution/orders", "/api/execution/trades", "/api/execution/positions", "/api/policy",
                           "/api/risk/limits/BTCUSDT", "/api/portfolio/pnl", "/api/ai/models", "/api/health/system"}) {
    Answer answer = SendWithinLimit({.port = stack.Port("gateway"), .path = path});
    EXPECT_EQ(answer.headers["x-market-source"], source) << path;
  }
  const Answer console = SendWithinLimit({.port = stack.Port("gateway"), .path = "/"});
  EXPECT_EQ(console.status, 200);
  EXPECT_THAT(console.body, HasSubstr("<title>Quantum Trader</title>"));
}

TEST(Api, EveryServiceTellsItsHealthAndMetrics) {
  Stack& stack = Stack::Get();
  for (const char* unit : kServices) {
    for (const char* field :
         {"/service", "/status", "/version", "/timestamp", "/uptime_seconds", "/dependencies", "/metrics"}) {
      ExpectField(stack, unit, {"/health", field});
    }
    ExpectField(stack, unit, {"/health/live", "/status"});
    ExpectField(stack, unit, {"/health/ready", "/status"});
    const Answer metrics = Send({.port = stack.Port(unit), .path = "/metrics"});
    EXPECT_EQ(metrics.status, 200) << unit;
    EXPECT_THAT(metrics.body, HasSubstr("\nhttp_requests_total{")) << unit;
  }
}

// Not the profile in force, so that the trading goes on as before.
constexpr const char* kPolicy = "/api/policy/DEFENSIVE";

Answer PutPolicy(const Stack& stack, const json::value& value, int64_t version) {
  return SendWithinLimit(
      stack.ByOperator("gateway", "PUT", kPolicy,
                       json::serialize(json::object{{"value", value}, {"version", version}, {"by", "platform-test"}})));
}

TEST(Api, APolicyIsChangedOnceByEachOfItsVersions) {
  Stack& stack = Stack::Get();
  const json::value before = stack.GetJson(kPolicy);
  const int64_t version = before.at("version").as_int64();
  json::value changed = before.at("value");
  changed.as_object()["position_usd_max"] = "499";
  const Answer first = PutPolicy(stack, changed, version);
  EXPECT_EQ(first.status, 200) << first.body;
  const Answer stale = PutPolicy(stack, before.at("value"), version);
  EXPECT_EQ(stale.status, 409) << stale.body;
  EXPECT_THAT(stale.body, HasSubstr("CONFLICT"));

  const json::value now = stack.GetJson(kPolicy);
  EXPECT_EQ(now.at("version").as_int64(), version + 1);
  EXPECT_EQ(now.at("value"), changed);
  const Answer restored = PutPolicy(stack, before.at("value"), version + 1);
  EXPECT_EQ(restored.status, 200) << restored.body;
  EXPECT_EQ(stack.GetJson(kPolicy).at("value"), before.at("value"));
}

// It tells of the latest assessment and changes nothing. The models assess after 30 bars of 5 s.
TEST(Api, ASignalIsAnAssessmentOrSaysThatItIsTooEarly) {
  Stack& stack = Stack::Get();
  const Answer answer = SendWithinLimit(stack.ByOperator(
      "gateway", "POST", "/api/ai/signal", R"({"symbol":"BTCUSDT","timeframe":"5s","include_reasoning":true})"));
  const json::value signal = json::parse(answer.body);
  if (answer.status == 503) {
    EXPECT_EQ(signal.at("code"), "WARMING_UP") << answer.body;
    return;
  }
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(json::value_to<std::string>(signal.at("action")), AnyOf("BUY", "SELL", "HOLD"));
  for (const char* field : {"symbol", "probability", "disagreement", "regime", "votes", "reasoning", "model_hash"}) {
    EXPECT_TRUE(signal.as_object().contains(field)) << field << " is missing in " << answer.body;
  }
}

}  // namespace
}  // namespace quantum::testing
