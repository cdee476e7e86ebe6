#include "services/ai_engine/signal_request.h"

#include <gtest/gtest.h>

namespace quantum::ai_engine {
namespace {

TEST(SignalRequest, IsReadAndReasoningIsGivenOnlyWhenAskedFor) {
  const auto plain = ParseSignalRequest(R"({"symbol": "BTCUSDT", "timeframe": "5s"})");
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(plain->symbol, "BTCUSDT");
  EXPECT_EQ(plain->timeframe, "5s");
  EXPECT_FALSE(plain->include_reasoning);
  EXPECT_TRUE(
      ParseSignalRequest(R"({"symbol": "BTCUSDT", "timeframe": "5s", "include_reasoning": true})")->include_reasoning);
}

TEST(SignalRequest, EveryComplaintNamesItsField) {
  const auto complaint = [](const char* body) {
    const auto request = ParseSignalRequest(body);
    return request.ok() ? std::string() : request.error().message;
  };
  EXPECT_EQ(complaint("[]"), "the body must be a JSON object");
  EXPECT_EQ(complaint("{"), "the body must be a JSON object");
  EXPECT_EQ(complaint(R"({"timeframe": "5s"})"), "field 'symbol' is missing");
  EXPECT_EQ(complaint(R"({"symbol": 7, "timeframe": "5s"})"), "field 'symbol' must be a text");
  EXPECT_EQ(complaint(R"({"symbol": "BTCUSDT"})"), "field 'timeframe' is missing");
  for (const char* wrong : {R"("yes")", "1", "null"}) {
    const std::string body = std::string(R"({"symbol": "B", "timeframe": "5s", "include_reasoning": )") + wrong + "}";
    EXPECT_EQ(complaint(body.c_str()), "field 'include_reasoning' must be true or false");
  }
}

}  // namespace
}  // namespace quantum::ai_engine
