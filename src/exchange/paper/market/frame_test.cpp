#include "exchange/paper/market/frame.h"

#include <gtest/gtest.h>

namespace quantum::paper {
namespace {

TEST(FrameParser, BrokenJsonInFrontOfTheStreamsNameIsRefusedAndTheNextFrameIsRead) {
  FrameParser parser;
  const auto broken = parser.Parse(R"({"e": "ORDER_TRADE_UPDi": 8887003, "l": "0.020", "ATE", "T": 1})");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Errc::kInvalidArgument);
  EXPECT_TRUE(parser.Parse(R"({"lastUpdateId":1,"E":1,"bids":[["60000","1"]],"asks":[["60000.1","2"]]})").ok());
}

}  // namespace
}  // namespace quantum::paper
