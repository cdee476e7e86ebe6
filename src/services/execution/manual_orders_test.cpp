#include "services/execution/manual_orders.h"

#include <gtest/gtest.h>

namespace quantum::execution {
namespace {

std::string Complaint(const std::string& body) {
  const auto order = ParseManualOrder(body, "", "PAPER");
  return order.ok() ? "" : order.error().message;
}

TEST(ManualOrders, TheSameKeyIsTheSameDecision) {
  const std::string body = R"({"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", "stop_loss": "59000",
                               "reduce_only": false, "idempotency_key": "12345678"})";
  const auto order = ParseManualOrder(body, "", "PAPER");
  ASSERT_TRUE(order.ok()) << order.error().message;
  EXPECT_EQ(order->decision.decision_id, ParseManualOrder(body, "", "PAPER")->decision.decision_id);
  EXPECT_NE(order->decision.decision_id, ParseManualOrder(body, "another-key", "PAPER")->decision.decision_id);
  EXPECT_EQ(order->decision.mode, "PAPER");
  EXPECT_EQ(order->decision.intent, trading::event::Intent::kOpen);
}

TEST(ManualOrders, EveryComplaintNamesItsField) {
  const std::string head = R"({"idempotency_key": "12345678", "symbol": "BTCUSDT", )";
  EXPECT_NE(Complaint("[]").find("JSON object"), std::string::npos);
  EXPECT_NE(Complaint(R"({"symbol": "BTCUSDT"})").find("'idempotency_key'"), std::string::npos);
  EXPECT_NE(Complaint(R"({"idempotency_key": "12345678\u0000"})").find("'idempotency_key'"), std::string::npos);
  EXPECT_NE(Complaint(R"({"idempotency_key": "1234 5678"})").find("'idempotency_key'"), std::string::npos);
  EXPECT_NE(Complaint(head + R"("side": "LONG"})").find("'side'"), std::string::npos);
  EXPECT_NE(Complaint(head + R"("side": "BUY", "quantity": 0.5})").find("'quantity'"), std::string::npos);
  EXPECT_NE(Complaint(head + R"("side": "BUY", "quantity": "-1"})").find("'quantity' must be positive"),
            std::string::npos);
  EXPECT_NE(Complaint(head + R"("side": "BUY", "quantity": "1", "leverage": 200})").find("'leverage'"),
            std::string::npos);
  EXPECT_NE(Complaint(head + R"("side": "BUY", "quantity": "1", "reduce_only": false})").find("'stop_loss'"),
            std::string::npos);
}

// pains.md 1: a message without its safety field is refused.
TEST(ManualOrders, Pain1ReduceOnlyIsNeverAssumed) {
  EXPECT_NE(Complaint(R"({"idempotency_key": "12345678", "symbol": "BTCUSDT", "side": "SELL", "quantity": "1"})")
                .find("'reduce_only' is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace quantum::execution
