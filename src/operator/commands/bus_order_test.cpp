#include "operator/commands/bus_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

using ::testing::HasSubstr;

std::vector<StreamState> Streams() {
  StreamState order;
  order.family = "order";
  order.groups.resize(2);
  order.groups[0].name = "execution-service";
  order.groups[1].name = "portfolio-service";
  StreamState risk;
  risk.family = "risk";
  risk.groups.resize(1);
  risk.groups[0].name = "risk-service";
  return {order, risk};
}

TEST(BusNames, ThatAreThereAreTaken) {
  EXPECT_TRUE(CheckStream(Streams(), "risk").ok());
  EXPECT_TRUE(CheckGroup(Streams(), "order", "portfolio-service").ok());
}

TEST(BusNames, ThatAreNoneAreWrongUsageAndTheOthersAreNamed) {
  const Status stream = CheckStream(Streams(), "ordr");
  ASSERT_FALSE(stream.ok());
  EXPECT_EQ(stream.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(stream.error().message, "there is no stream 'ordr'; did you mean order? The streams are order, risk");
  EXPECT_THAT(CheckGroup(Streams(), "nosuch", "x").error().message, HasSubstr("the streams are order, risk"));
  const Status group = CheckGroup(Streams(), "order", "risk-service");
  ASSERT_FALSE(group.ok());
  EXPECT_EQ(group.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(group.error().message,
            "on stream order there is no group 'risk-service'; the groups are execution-service, portfolio-service");
}

}  // namespace
}  // namespace quantum::operate
