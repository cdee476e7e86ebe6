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

TEST(FrameParser, ALevelWithoutAPriceOrAQuantityIsRefusedAndTheNextFrameIsRead) {
  FrameParser parser;
  for (const std::string level : {R"([])", R"(["60000"])", R"(["60000",])", R"(["60000" "1"])", R"("60000")"}) {
    const auto broken = parser.Parse(R"({"lastUpdateId":1,"E":1,"bids":[)" + level + R"(],"asks":[["60000.1","2"]]})");
    ASSERT_FALSE(broken.ok()) << level;
    EXPECT_EQ(broken.error().code, Errc::kInvalidArgument);
    EXPECT_TRUE(parser.Parse(R"({"lastUpdateId":1,"E":1,"bids":[["60000","1"]],"asks":[["60000.1","2"]]})").ok());
  }
}

}  // namespace
}  // namespace quantum::paper
