// The order state machine on the venue's own messages: the examples of its documentation, as they stand there (nobody
// has recorded an account's stream), in every order and with repeats.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "exchange/binance/decode_user.h"
#include "services/execution/test_data.h"
#include "tests/support/market_data.h"

namespace quantum::orders_simulation {
namespace {

using namespace execution::test;
using execution::ChangeSet;
using execution::Ledger;
using execution::Plan;
using trading::Decimal;
using trading::Leg;
using trading::OrderStatus;
using trading::Side;

class OrdersRecorded : public ::testing::Test {
 protected:
  void SetUp() override { directory_ = quantum::testing::MarketData("binance_messages/futures/user_data_json"); }

  // The events of a message, or none where the recording is missing.
  std::vector<exchange::UserEvent> Read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/" + name + ".json").rdbuf();
    binance::UserDecoder decoder;
    const auto message = decoder.Decode(text.str());
    EXPECT_TRUE(message.ok()) << name << ": " << (message.ok() ? "" : message.error().message);
    return message.ok() ? message->events : std::vector<exchange::UserEvent>();
  }
  trading::OrderReport Report(const std::string& name) { return std::get<trading::OrderReport>(Read(name).at(0)); }
  bool missing() const { return directory_.empty(); }

  // An entry that the venue knows under this id.
  static Plan PlanAs(const std::string& client_order_id, Side side, const char* quantity) {
    Plan plan = PlanOf(OpenApproval("a", side, quantity));
    plan.orders.front().client_order_id = client_order_id;
    return plan;
  }
  static ChangeSet Apply(Ledger& ledger, const trading::OrderReport& report) {
    auto changes = ledger.ApplyReport(report, kNow);
    EXPECT_TRUE(changes.ok()) << (changes.ok() ? "" : changes.error().message);
    return changes.ok() ? *std::move(changes) : ChangeSet();
  }
  const execution::Rules rules_ = AllRules();
  std::string directory_;
};

TEST_F(OrdersRecorded, AnOrdersMessagesLeadToOneEndInEveryOrderAndAnyNumberOfTimes) {
  if (missing()) {
    return;
  }
  std::vector<trading::OrderReport> reports;
  for (const char* name : {"order_update_new", "order_update_trade_partial", "order_update_trade"}) {
    reports.push_back(Report(name));
    reports.push_back(reports.back());  // every message twice
  }
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5};
  int interleavings = 0;
  do {
    Ledger ledger({}, rules_);
    ledger.Adopt(PlanAs("TEST", Side::kBuy, "0.002"));
    size_t booked = 0;
    Decimal filled;
    for (const size_t i : order) {
      booked += Apply(ledger, reports[i]).fills.size();
      EXPECT_GE(ledger.FindOrder("TEST")->filled_quantity, filled);
      filled = ledger.FindOrder("TEST")->filled_quantity;
    }
    const trading::Order& entry = *ledger.FindOrder("TEST");
    ASSERT_EQ(booked, 1u) << "two messages tell of trade 12345678";
    ASSERT_EQ(entry.status, OrderStatus::kPartiallyFilled);
    ASSERT_EQ(entry.filled_quantity, "0.001"_dec);
    ASSERT_EQ(entry.average_price, "7100.5"_dec);
    ASSERT_EQ(entry.fee, "0.01"_dec);
    ASSERT_EQ(entry.exchange_order_id, "8886774");
    ASSERT_EQ(ledger.PositionOf("BTCUSDT").quantity, "0.001"_dec);
    ++interleavings;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(interleavings, 720);
}

TEST_F(OrdersRecorded, ACancelledConditionalOrderStaysSoWhateverComesAfter) {
  if (missing()) {
    return;
  }
  const auto placed = Report("algo_update_new");
  const auto cancelled = Report("algo_update_canceled");
  for (const auto& order : {std::vector{placed, cancelled}, std::vector{cancelled, placed},
                            std::vector{cancelled, cancelled, placed, placed}}) {
    Ledger ledger({}, rules_);
    Plan plan = PlanAs(placed.client_order_id, Side::kSell, "0.01");
    plan.orders.front().symbol = "BNBUSDT";
    plan.orders.front().type = trading::OrderType::kTakeProfitMarket;
    ledger.Adopt(plan);
    for (const auto& report : order) {
      Apply(ledger, report);
    }
    EXPECT_EQ(ledger.FindOrder(placed.client_order_id)->status, OrderStatus::kCanceled);
  }
}

// What the venue does to a position by itself: an order that nobody here gave.
TEST_F(OrdersRecorded, ALiquidationEndsTheTradeOnce) {
  if (missing()) {
    return;
  }
  struct Case {
    const char* message;
    Side held;
    const char* quantity;
    const char* reason;
  };
  for (const Case& one : {Case{"order_update_calculated", Side::kBuy, "0.014", "LIQUIDATION"},
                          Case{"order_update_adl", Side::kSell, "0.005", "LIQUIDATION"},
                          Case{"order_update_insurance", Side::kBuy, "0.02", "LIQUIDATION"},
                          Case{"order_update_settlement", Side::kBuy, "0.01", "MANUAL"}}) {
    Ledger ledger({}, rules_);
    const Plan plan = PlanOf(OpenApproval("a", one.held, one.quantity));
    ledger.Adopt(plan);
    ledger.ApplyFill(FillOf(plan.orders.front(), 1, plan.orders.front().quantity, "45000"_dec), kNow);
    EXPECT_TRUE(Apply(ledger, Report("order_update_calculated_pending")).empty()) << "nothing was done yet";
    const auto report = Report(one.message);
    EXPECT_EQ(Apply(ledger, report).fills.size(), 1u) << one.message;
    EXPECT_TRUE(Apply(ledger, report).empty()) << one.message << ", a second time";
    EXPECT_TRUE(ledger.PositionOf("BTCUSDT").is_flat()) << one.message;
    EXPECT_EQ(ledger.FindTrade("a")->status, execution::TradeStatus::kClosed) << one.message;
    EXPECT_EQ(ledger.FindTrade("a")->close_reason, one.reason) << one.message;
    EXPECT_EQ(ledger.PositionOf("BTCUSDT").fees, report.fill->fee) << one.message;
  }
}

TEST_F(OrdersRecorded, NoOtherMessageMovesAnOrder) {
  if (missing()) {
    return;
  }
  for (const char* name : {"account_update", "account_update_bnfcr", "trade_lite"}) {
    for (const exchange::UserEvent& event : Read(name)) {
      EXPECT_FALSE(std::holds_alternative<trading::OrderReport>(event)) << name;
    }
  }
}

// The control: a ledger that went by what comes, and not by trade ids, would count the trade of two messages twice.
TEST_F(OrdersRecorded, ControlTheSameTradeUnderAnotherIdIsCountedTwice) {
  if (missing()) {
    return;
  }
  Ledger ledger({}, rules_);
  ledger.Adopt(PlanAs("TEST", Side::kBuy, "0.002"));
  Apply(ledger, Report("order_update_trade_partial"));
  trading::OrderReport again = Report("order_update_trade");
  again.fill->trade_id += 1;
  Apply(ledger, again);
  EXPECT_EQ(ledger.PositionOf("BTCUSDT").quantity, "0.002"_dec);
}

}  // namespace
}  // namespace quantum::orders_simulation
