#include "platform/bus/quota.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

TEST(Quota, HalfOfTheBrokerIsReservedForTheStreamsThatMoveMoney) {
  const auto quotas = QuotasOf({{.name = "order.placed", .money = true},
                                {.name = "order.filled", .money = true},
                                {.name = "trade.opened", .money = true},
                                {.name = "health.alert", .money = false},
                                {.name = "market.kline", .money = false},
                                {.name = "ai.decision", .money = false},
                                {.name = "sizing.done", .money = false}},
                               1000);
  EXPECT_EQ(quotas.at("order"), 200);
  EXPECT_EQ(quotas.at("trade"), 200);
  EXPECT_EQ(quotas.at("health"), 100);
  EXPECT_EQ(quotas.size(), 6u);
  EXPECT_TRUE(QuotasOf({{.name = "order.placed"}}, 0).empty()) << "a broker without a bound";
}

TEST(Quota, AStreamOverItNamesTheGroupThatLagsAndWaitsUntilThereIsRoomAgain) {
  const std::vector<Laggard> groups{{"risk-safety-service", 3}, {"execution-service", 40}, {"ai-engine-service", 0}};
  EXPECT_FALSE(OverQuota(100, 100, false, groups));
  const auto over = OverQuota(101, 100, false, groups);
  ASSERT_TRUE(over);
  EXPECT_NE(over->find("execution-service lags by 40"), std::string::npos) << *over;
  EXPECT_TRUE(OverQuota(95, 100, true, groups));
  EXPECT_FALSE(OverQuota(90, 100, true, groups));
  EXPECT_NE(OverQuota(101, 100, false, {})->find("no group lags"), std::string::npos);
}

TEST(Quota, ABrokerThatIsAlmostFullNamesTheGroupThatLagsMostAndItsStream) {
  const std::vector<Laggard> groups{{"execution-service", 40, "risk"}, {"ai-engine-service", 90, "market"}};
  EXPECT_FALSE(BrokerFull(95, 100, false, groups));
  const auto full = BrokerFull(96, 100, false, groups);
  ASSERT_TRUE(full);
  EXPECT_NE(full->find("group ai-engine-service lags by 90 events of stream market"), std::string::npos) << *full;
  EXPECT_TRUE(BrokerFull(91, 100, true, groups));
  EXPECT_FALSE(BrokerFull(90, 100, true, groups));
  EXPECT_FALSE(BrokerFull(1000, 0, false, groups)) << "a broker without a bound";
}

}  // namespace
}  // namespace quantum::bus
