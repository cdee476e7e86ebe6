#include "trading/order.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <regex>
#include <vector>

namespace quantum::trading {
namespace {

Order MakeOrder() {
  Order order;
  order.client_order_id = "qt-1";
  order.symbol = "BTCUSDT";
  order.quantity = "1"_dec;
  return order;
}

OrderReport Report(OrderStatus status, const char* filled) {
  OrderReport report;
  report.symbol = "BTCUSDT";
  report.client_order_id = "qt-1";
  report.exchange_order_id = "77";
  report.status = status;
  report.filled_quantity = Decimal::Parse(filled).value();
  report.average_price = "61800"_dec;
  return report;
}

TEST(Order, AdvancesWithTheExchangesReports) {
  Order order = MakeOrder();
  EXPECT_EQ(Apply(order, Report(OrderStatus::kNew, "0")).value(), Change::kStatus);
  EXPECT_EQ(Apply(order, Report(OrderStatus::kPartiallyFilled, "0.4")).value(), Change::kFill);
  EXPECT_EQ(Apply(order, Report(OrderStatus::kFilled, "1")).value(), Change::kFill);
  EXPECT_EQ(order.status, OrderStatus::kFilled);
  EXPECT_EQ(order.version, 3);
  EXPECT_EQ(order.exchange_order_id, "77");
}

TEST(Order, ANewOrderIsNotFilled) {
  Order order = MakeOrder();
  ASSERT_TRUE(Apply(order, Report(OrderStatus::kNew, "0")).ok());
  EXPECT_EQ(order.status, OrderStatus::kNew);
  EXPECT_TRUE(order.filled_quantity.is_zero());
}

TEST(Order, RepeatsAndOldReportsChangeNothing) {
  Order order = MakeOrder();
  ASSERT_TRUE(Apply(order, Report(OrderStatus::kPartiallyFilled, "0.4")).ok());
  EXPECT_EQ(Apply(order, Report(OrderStatus::kPartiallyFilled, "0.4")).value(), Change::kNone);
  EXPECT_EQ(Apply(order, Report(OrderStatus::kNew, "0")).value(), Change::kNone);
  EXPECT_EQ(order.filled_quantity, "0.4"_dec);
}

TEST(Order, AFillThatRacedACancelStillCounts) {
  Order order = MakeOrder();
  ASSERT_TRUE(Apply(order, Report(OrderStatus::kCanceled, "0")).ok());
  EXPECT_EQ(Apply(order, Report(OrderStatus::kFilled, "1")).value(), Change::kFill);
  EXPECT_EQ(order.status, OrderStatus::kFilled);
}

TEST(Order, RefusesReportsThatCannotBeTrue) {
  Order order = MakeOrder();
  EXPECT_FALSE(Apply(order, Report(OrderStatus::kFilled, "2")).ok());
  EXPECT_FALSE(Apply(order, Report(OrderStatus::kFilled, "0.5")).ok());
  EXPECT_FALSE(Apply(order, Report(OrderStatus::kUnknown, "0")).ok());
  OrderReport other = Report(OrderStatus::kNew, "0");
  other.client_order_id = "qt-2";
  EXPECT_FALSE(Apply(order, other).ok());
  EXPECT_EQ(order.version, 0);
}

TEST(ClientOrderId, IsDeterministicDistinctAndAcceptedByTheVenue) {
  const std::regex venue(R"(^[\.A-Z\:/a-z0-9_-]{1,36}$)");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    for (const Leg leg : {Leg::kEntry, Leg::kStopLoss, Leg::kTakeProfit, Leg::kClose}) {
      const std::string id = ClientOrderId("decision-" + std::to_string(i), leg);
      EXPECT_EQ(id, ClientOrderId("decision-" + std::to_string(i), leg));
      EXPECT_TRUE(std::regex_match(id, venue)) << id;
      EXPECT_TRUE(seen.insert(id).second);
    }
  }
}

// Whatever the order of arrival and however often each report comes, the end is the same.
RC_GTEST_PROP(Order, EndsTheSameForEveryInterleaving, ()) {
  std::vector<OrderReport> reports = {Report(OrderStatus::kNew, "0"), Report(OrderStatus::kPartiallyFilled, "0.2"),
                                      Report(OrderStatus::kPartiallyFilled, "0.7"), Report(OrderStatus::kFilled, "1")};
  std::vector<size_t> arrival = {0, 1, 2, 3};
  for (const size_t extra : *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, 4))) {
    arrival.push_back(extra);
  }
  const auto seed = *rc::gen::arbitrary<uint32_t>();
  std::shuffle(arrival.begin(), arrival.end(), std::mt19937(seed));
  Order order = MakeOrder();
  Decimal before;
  for (const size_t i : arrival) {
    RC_ASSERT(Apply(order, reports[i]).ok());
    RC_ASSERT(order.filled_quantity >= before);
    before = order.filled_quantity;
  }
  RC_ASSERT(order.status == OrderStatus::kFilled);
  RC_ASSERT(order.filled_quantity == "1"_dec);
}

}  // namespace
}  // namespace quantum::trading
