#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr seconds kTradesMax(90);

TEST(Up, EndsWithEveryUnitReadyAndSaysWhatToTryNext) {
  Stack& stack = Stack::Get();
  for (const UnitView& unit : stack.Units()) {
    EXPECT_EQ(unit.state, unit.kind == "task" ? "done" : "ready") << unit.name;
    EXPECT_EQ(unit.restarts, 0) << unit.name;
    EXPECT_THAT(stack.up().output, HasSubstr("\n" + unit.name + " "));
  }
  EXPECT_THAT(stack.up().output, HasSubstr(fmt::format("Gateway: http://127.0.0.1:{}", stack.Port("gateway"))));
  EXPECT_THAT(stack.up().output, HasSubstr("Try next:"));
  EXPECT_THAT(stack.up().output, HasSubstr(stack.recording() ? "market recording" : "market synthetic"));
}

TEST(Up, SaysThatThePlatformRunsAlreadyWhenItDoes) {
  Stack& stack = Stack::Get();
  const std::vector<UnitView> before = stack.Units();
  const Outcome again = stack.Quantum({"up"});
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("runs already"));
  for (const UnitView& unit : before) {
    EXPECT_EQ(stack.Unit(unit.name).pid, unit.pid) << unit.name;
  }
}

TEST(Status, TellsOpenPositionsAndEquityAsNumbers) {
  const json::value status = Stack::Get().Ask({"status"});
  EXPECT_EQ(status.at("mode").as_string(), "PAPER");
  EXPECT_TRUE(status.at("open_positions").is_number()) << json::serialize(status.at("open_positions"));
  EXPECT_TRUE(status.at("equity").is_string()) << json::serialize(status.at("equity"));
}

TEST(OrderFlow, OrdersFillsTradesAndPositionsShowInTheOperatorsCommands) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 4, kTradesMax)) << "fewer than 4 closed trades";
  Say(fmt::format("{} trades are closed", stack.ClosedTrades().size()));
  for (const json::value& trade : stack.ClosedTrades()) {
    EXPECT_TRUE(trade.at("entry_price").is_string() && trade.at("exit_price").is_string() &&
                trade.at("pnl_usd").is_string())
        << json::serialize(trade);
    EXPECT_EQ(trade.at("strategy").as_string(), "exerciser");
  }
  const json::value orders = stack.Ask({"orders", "--limit", "1000"});
  std::set<std::string> legs;
  size_t filled = 0;
  for (const json::value& order : orders.at("items").as_array()) {
    legs.insert(json::value_to<std::string>(order.at("leg")));
    filled += order.at("status").as_string() == "FILLED" ? 1 : 0;
    EXPECT_EQ(order.at("mode").as_string(), "PAPER");
  }
  EXPECT_THAT(legs, IsSupersetOf({"ENTRY", "STOP_LOSS"}));
  EXPECT_GE(filled, 8u);  // four entries, four exits
  EXPECT_TRUE(Eventually(seconds(20), [&] {
    const json::value positions = stack.Ask({"positions"});
    const json::array& items = positions.at("items").as_array();
    return std::any_of(items.begin(), items.end(), [](const json::value& position) {
      return position.at("quantity").as_string() != "0" && position.at("protected").as_bool();
    });
  })) << "no open position with a stop at the exchange was seen";
}

TEST(OrderFlow, ShowsThroughTheGateway) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 4, kTradesMax));
  EXPECT_FALSE(stack.GetJson("/api/execution/orders?limit=10").at("items").as_array().empty());
  EXPECT_FALSE(stack.GetJson("/api/execution/trades?status=CLOSED&limit=10").at("items").as_array().empty());
  const json::value snapshot = stack.GetJson("/api/portfolio/snapshot");
  EXPECT_NE(snapshot.at("fees").as_string(), "0");
  EXPECT_NE(snapshot.at("equity").as_string(), "10000");
  EXPECT_TRUE(stack.GetJson("/api/portfolio/pnl").at("symbols").as_object().contains("BTCUSDT"));
  for (const char* symbol : {"BTCUSDT", "ETHUSDT"}) {
    const json::value price = stack.GetJson(fmt::format("/api/market/price?symbol={}", symbol));
    EXPECT_FALSE(price.at("stale").as_bool());
    EXPECT_EQ(price.at("source").as_string(), stack.recording() ? "recording" : "synthetic");
  }
  EXPECT_GE(stack.GetJson("/api/ai/models").at("items").as_array().size(), 2u);
  EXPECT_GE(stack.GetJson("/api/policy").at("items").as_array().size(), 3u);
  const json::value system = stack.GetJson("/api/health/system");
  EXPECT_TRUE(Eventually(seconds(30), [&] { return stack.GetJson("/api/health/system").at("status") == "OK"; }))
      << json::serialize(system);
}

std::set<std::string> TypesOf(const json::value& trace) {
  std::set<std::string> types;
  for (const json::value& item : trace.at("items").as_array()) {
    types.insert(json::value_to<std::string>(item.at("type")));
  }
  return types;
}

TEST(Correlation, OneIdLeadsFromTheDecisionThroughEveryServicesLogToTheFill) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 1, kTradesMax));
  const std::string id = json::value_to<std::string>(stack.ClosedTrades().front().at("correlation_id"));
  Say("following " + id);
  for (const auto& [service, message] : std::vector<std::pair<std::string, std::string>>{
           {"ai-engine", "decision made"}, {"risk-safety", "decision approved"}, {"execution", "order"}}) {
    const std::string path = stack.state() / "log" / (service + "-service.log");
    // Log lines reach the file in batches.
    EXPECT_TRUE(Eventually(seconds(5),
                           [&] {
                             std::istringstream lines(ReadFile(path));
                             for (std::string line; std::getline(lines, line);) {
                               if (line.find(fmt::format(R"("correlation_id": "{}")", id)) != std::string::npos &&
                                   line.find(fmt::format(R"("message": "{}")", message)) != std::string::npos) {
                                 return true;
                               }
                             }
                             return false;
                           }))
        << path << " has no '" << message << "' under " << id;
  }
  const std::vector<std::string> way{"ai.decision.made", "risk.approved", "order.placed",
                                     "order.filled",     "trade.opened",  "trade.closed"};
  json::value trace;
  EXPECT_TRUE(Eventually(seconds(10), [&] {
    trace = stack.Ask({"trace", id});
    return TypesOf(trace).contains("trade.closed");
  }));
  EXPECT_THAT(TypesOf(trace), IsSupersetOf(way));
  EXPECT_TRUE(trace.at("complete").as_bool());
  const Outcome table = stack.Quantum({"trace", id});
  for (const std::string& type : way) {
    EXPECT_THAT(table.output, HasSubstr(type));
  }
}

TEST(Correlation, ACallersIdComesBackAndReachesTheAccessLog) {
  Stack& stack = Stack::Get();
  const std::string id = "platform-test-0001";
  const Answer answer = Send({.port = stack.Port("gateway"),
                              .path = "/api/market/price?symbol=BTCUSDT",
                              .headers = {{"X-Correlation-ID", id}}});
  EXPECT_EQ(answer.status, 200);
  ASSERT_TRUE(answer.headers.contains("x-correlation-id"));
  EXPECT_EQ(answer.headers.at("x-correlation-id"), id);
  EXPECT_TRUE(Eventually(
      seconds(5), [&] { return ReadFile(stack.state() / "log/gateway-access.log").find(id) != std::string::npos; }));
  const Answer made = Send({.port = stack.Port("gateway"),
                            .path = "/api/market/price?symbol=BTCUSDT",
                            .headers = {{"X-Correlation-ID", "no good!"}}});
  EXPECT_NE(made.headers.at("x-correlation-id"), "no good!");
}

}  // namespace
}  // namespace quantum::testing
