#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/platform/environment.h"
#include "tests/platform/fill_audit.h"
#include "tests/platform/ledger.h"
#include "tests/platform/stack.h"

namespace quantum::testing {
namespace {

namespace json = boost::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr seconds kTradesMax(90);

TEST(Up, EndsWithEveryUnitReadyAndSaysWhatToTryNext) {
  Stack& stack = Stack::Get();
  const std::string since = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z";
  EXPECT_THAT(stack.up().output, ContainsRegex("\nunit +state +port +since\n"));
  for (const UnitView& unit : stack.Units()) {
    const bool by_the_clock = unit.state == "scheduled";  // tasks that are no part of the start
    EXPECT_TRUE(by_the_clock || unit.state == (unit.kind == "task" ? "done" : "ready")) << unit.name << unit.state;
    EXPECT_EQ(unit.restarts, 0) << unit.name;
    // A task of the clock may have been running when the table was printed.
    EXPECT_THAT(stack.up().output,
                ContainsRegex(fmt::format("\n{} +{} +{} +{}\n", unit.name, by_the_clock ? "[a-z]+" : unit.state,
                                          unit.port == 0 ? "-" : std::to_string(unit.port), since)));
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
  ExpectSameProcesses(before, stack.Units());
}

TEST(Status, TellsOpenPositionsAndEquityAsNumbers) {
  // The first equity is reckoned after the first answers of the other services.
  json::value status;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    status = Stack::Get().Ask({"status"});
    return status.at("equity").is_string();
  }));
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
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    const json::value positions = stack.Ask({"positions"});
    const json::array& items = positions.at("items").as_array();
    return std::any_of(items.begin(), items.end(), [](const json::value& position) {
      return position.at("quantity").as_string() != "0" && position.at("protected").as_bool();
    });
  })) << "no open position with a stop at the exchange was seen";
}

// Places a limit order where it has to wait: at the best price of its own side. False when it is refused, as on the
// side opposite to a position that the exerciser holds.
bool WaitInTheBook(Stack& stack, int number) {
  const bool buys = number % 2 == 1;
  const json::value price = stack.GetJson("/api/market/price?symbol=BTCUSDT");
  const std::string best = json::value_to<std::string>(price.at(buys ? "bid" : "ask"));
  const Answer answer = SendWithinLimit(stack.ByOperator(
      "gateway", "POST", "/api/execution/order",
      fmt::format(R"({{"idempotency_key":"platform-test-limit-{}","symbol":"BTCUSDT","side":"{}","quantity":"0.002",
                      "price":"{}","stop_loss":"{:.1f}","leverage":1,"reduce_only":false}})",
                  number, buys ? "BUY" : "SELL", best, std::atof(best.c_str()) * (buys ? 0.98 : 1.02))));
  EXPECT_TRUE(answer.status < 500 || answer.status == 503) << answer.body;  // 503: ask again
  return answer.status / 100 == 2;
}

TEST(OrderFlow, AnOrderThatWaitsInTheBookIsFilledOnlyAsTheRecordedTradesAllow) {
  Stack& stack = Stack::Get();
  if (!stack.recording()) {
    GTEST_SKIP() << "there is no recorded market data beside the source tree to check the fills against";
  }
  const auto filled = [&] {
    std::this_thread::sleep_for(milliseconds(500));
    const auto fills = FillsOf(stack, "BTCUSDT");
    return std::any_of(fills.begin(), fills.end(), [](const ExchangeFill& fill) { return fill.maker; });
  };
  int number = 0;
  // One order after the other, at the price of now, and all of them stay: whichever way the market goes it comes to
  // one.
  EXPECT_TRUE(Eventually(seconds(180), [&] {
    return WaitInTheBook(stack, ++number) ? Eventually(seconds(8), filled) : filled();
  })) << "no order that waited was filled";
  const Answer canceled =
      SendWithinLimit(stack.ByOperator("gateway", "POST", "/api/execution/cancel-all", R"({"symbol":"BTCUSDT"})"));
  EXPECT_EQ(canceled.status, 202) << canceled.body;
  const FillAudit audit = AuditFills(stack, SharedMarketClock(), "BTCUSDT");
  Say(fmt::format("{} fills of takers and {} of makers are explained by the recording; {} limit orders were tried",
                  audit.taker, audit.maker, number));
  EXPECT_GT(audit.maker, 0u);
  EXPECT_THAT(audit.problems, ::testing::IsEmpty());
}

// Under a sanitizer the checks themselves take longer than what the contract calls slow.
bool IsWell(const json::value& system) {
  const json::array& units = system.at("units").as_array();
  return std::all_of(units.begin(), units.end(), [](const json::value& unit) {
    return unit.at("status") == "OK" ||
           (kSlowdown > 1 && unit.at("error").is_string() && unit.at("error").as_string().ends_with("is slow"));
  });
}

TEST(OrderFlow, ShowsThroughTheGateway) {
  Stack& stack = Stack::Get();
  ASSERT_TRUE(stack.AwaitClosedAfter(0, 4, kTradesMax));
  EXPECT_FALSE(stack.GetJson("/api/execution/orders?limit=10").at("items").as_array().empty());
  EXPECT_FALSE(stack.GetJson("/api/execution/trades?status=CLOSED&limit=10").at("items").as_array().empty());
  // The portfolio learns of a trade a little later than its books do.
  json::value snapshot;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    snapshot = stack.GetJson("/api/portfolio/snapshot");
    return snapshot.at("fees").as_string() != "0" && snapshot.at("equity").as_string() != "10000";
  })) << json::serialize(snapshot);
  EXPECT_TRUE(Eventually(
      kTradesMax, [&] { return stack.GetJson("/api/portfolio/pnl").at("symbols").as_object().contains("BTCUSDT"); }));
  for (const char* symbol : {"BTCUSDT", "ETHUSDT"}) {
    json::value price;
    EXPECT_TRUE(Eventually(seconds(30), [&] {
      price = stack.GetJson(fmt::format("/api/market/price?symbol={}", symbol));
      return !price.at("stale").as_bool();
    })) << json::serialize(price);
    EXPECT_EQ(price.at("source").as_string(), stack.recording() ? "recording" : "synthetic");
  }
  EXPECT_GE(stack.GetJson("/api/ai/models").at("items").as_array().size(), 2u);
  EXPECT_GE(stack.GetJson("/api/policy").at("items").as_array().size(), 3u);
  json::value system;
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    system = stack.GetJson("/api/health/system");
    return IsWell(system);
  })) << json::serialize(system);
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
  // One that was decided here: orders by hand have no decision of ai-engine's.
  std::string id;
  ASSERT_TRUE(Eventually(kTradesMax, [&] {
    for (const json::value& trade : stack.ClosedTrades()) {
      if (trade.at("strategy").as_string() == "exerciser") {
        id = json::value_to<std::string>(trade.at("correlation_id"));
        return true;
      }
    }
    return false;
  }));
  Say("following " + id);
  for (const auto& [service, message] :
       std::vector<std::pair<std::string, std::string>>{{"ai-engine-service", "decision made"},
                                                        {"risk-safety-service", "decision approved"},
                                                        {"execution-service", "order"},
                                                        {"paper-exchange", "fill"},
                                                        {"execution-service", "trade"},
                                                        {"portfolio-intelligence-service", "trade applied"}}) {
    const std::string path = stack.state() / "log/services" / (service + ".log");
    // Log lines reach the file in batches.
    EXPECT_TRUE(Eventually(seconds(20),
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
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    trace = stack.Ask({"trace", id});
    const std::set<std::string> types = TypesOf(trace);
    return trace.at("complete").as_bool() &&
           std::ranges::all_of(way, [&](const std::string& type) { return types.contains(type); });
  }));
  EXPECT_THAT(TypesOf(trace), IsSupersetOf(way));
  EXPECT_TRUE(trace.at("complete").as_bool());
  const Outcome table = stack.Quantum({"trace", id});
  for (const std::string& type : way) {
    EXPECT_THAT(table.output, HasSubstr(type));
  }
}

TEST(Correlation, TheTraceOfARefusedOrderTellsCodeValuesAndWords) {
  Stack& stack = Stack::Get();
  const std::string id = "refused-by-hand-0001";
  Probe probe =
      stack.ByOperator("gateway", "POST", "/api/execution/order",
                       R"({"symbol":"BTCUSDT","side":"BUY","quantity":"0.01","stop_loss":"600","leverage":100,)"
                       R"("reduce_only":false,"idempotency_key":"refused-by-hand"})");
  probe.headers["X-Correlation-ID"] = id;
  Answer answer;
  // Execution itself refuses a buy while the exerciser is short; nobody has decided on it then, and it may come again.
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    answer = SendWithinLimit(probe);
    return answer.status == 422;
  })) << answer.body;
  json::value trace;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    trace = stack.Ask({"trace", id});
    return TypesOf(trace).contains("risk.rejected") && !trace.at("refusals").as_array().empty();
  })) << json::serialize(trace);
  const json::array& refusals = trace.at("refusals").as_array();
  const auto found =
      std::ranges::find_if(refusals, [](const json::value& one) { return one.at("code") == "LEVERAGE_OUT_OF_BOUNDS"; });
  ASSERT_NE(found, refusals.end()) << json::serialize(trace);
  EXPECT_EQ(found->at("service").as_string(), "risk-safety-service");
  EXPECT_THAT(json::value_to<std::string>(found->at("detail")), HasSubstr("got=100"));
  EXPECT_EQ(found->at("meaning").as_string(), "its leverage is outside of the policy's bounds");
  EXPECT_EQ(std::ranges::count_if(refusals,
                                  [](const json::value& one) { return one.at("code") == "LEVERAGE_OUT_OF_BOUNDS"; }),
            1)
      << "the event and the record tell the same";
  EXPECT_THAT(stack.Quantum({"trace", id}).output, HasSubstr("LEVERAGE_OUT_OF_BOUNDS"));
}

TEST(Correlation, ACallersIdComesBackAndReachesTheAccessLog) {
  Stack& stack = Stack::Get();
  const std::string id = "platform-test-0001";
  const Answer answer = SendWithinLimit({.port = stack.Port("gateway"),
                                         .path = "/api/market/price?symbol=BTCUSDT",
                                         .headers = {{"X-Correlation-ID", id}}});
  EXPECT_EQ(answer.status, 200);
  ASSERT_TRUE(answer.headers.contains("x-correlation-id"));
  EXPECT_EQ(answer.headers.at("x-correlation-id"), id);
  EXPECT_TRUE(Eventually(
      seconds(20), [&] { return ReadFile(stack.state() / "log/gateway-access.log").find(id) != std::string::npos; }));
  const Answer made = SendWithinLimit({.port = stack.Port("gateway"),
                                       .path = "/api/market/price?symbol=BTCUSDT",
                                       .headers = {{"X-Correlation-ID", "no good!"}}});
  EXPECT_NE(made.headers.at("x-correlation-id"), "no good!");
}

}  // namespace
}  // namespace quantum::testing
