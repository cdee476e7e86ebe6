#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "tests/integration/gateway/gateway_fixture.h"
#include "tests/integration/gateway/peer.h"

// Execution is two processes: a request goes to the other one when nothing was done, and in no other case.
namespace quantum::operate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Reply(int status, const std::string& body, const std::string& headers = {}) {
  return fmt::format(
      "HTTP/1.1 {} X\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}", status,
      headers, body.size(), body);
}
// As lifecycle::NotLeader().
std::string NotLeader() {
  return Reply(503, R"({"code":"NOT_LEADER"})", "Retry-After: 1\r\nX-Accel-Redirect: @other_process\r\n");
}
std::string Order(const std::string& body) {
  return fmt::format(
      "POST /api/execution/order HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Authorization: Bearer token\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}
const std::string kBody = R"({"symbol":"BTCUSDT"})";

TEST_F(Gateway, WhatTheStandbyDoesNotDoIsAskedOfTheOtherProcessWithMethodAndBody) {
  const Peer standby(execution_port_, NotLeader());
  const Peer leader(standby_port_, Reply(202, R"({"done":true})"));
  const Answer answer = SendRaw(port_, Order(kBody));
  EXPECT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(answer.Body(), R"({"done":true})");
  EXPECT_THAT(answer.text, Not(HasSubstr("X-Accel-Redirect")));
  ASSERT_THAT(leader.received(), SizeIs(1));
  EXPECT_THAT(leader.received()[0], HasSubstr("POST /api/execution/order HTTP/1.1"));
  EXPECT_THAT(leader.received()[0], HasSubstr("Authorization: Bearer token"));
  EXPECT_THAT(leader.received()[0], ::testing::EndsWith(kBody));
}

// The second is asked first for a while after the first has refused; if it stands by by then, the first is asked again.
TEST_F(Gateway, AfterAFailureTheStandbyIsAskedFirstAndSendsBack) {
  {
    const Peer leader(standby_port_, Reply(202, "{}"));
    ASSERT_EQ(SendRaw(port_, Order(kBody)).status, 202);
  }
  const Peer back(execution_port_, Reply(200, "{}"));
  const Peer standby(standby_port_, NotLeader());
  EXPECT_EQ(SendRaw(port_, Order(kBody)).status, 200);
  EXPECT_THAT(back.received(), SizeIs(1));
}

TEST_F(Gateway, ARefusedConnectionGoesToTheOtherProcess) {
  const Peer leader(standby_port_, Reply(202, "{}"));
  EXPECT_EQ(SendRaw(port_, Order(kBody)).status, 202);
  EXPECT_THAT(leader.received(), SizeIs(1));
}

TEST_F(Gateway, WithNobodyThereTheAnswerIsAProblemAndSoIsATakeover) {
  const Answer nobody = SendRaw(port_, Order(kBody));
  EXPECT_EQ(nobody.status, 502);
  EXPECT_THAT(nobody.Body(), HasSubstr("UPSTREAM_DOWN"));
  const Peer first(execution_port_, NotLeader());
  const Peer second(standby_port_, NotLeader());
  const Answer takeover = SendRaw(port_, Order(kBody));
  EXPECT_EQ(takeover.status, 503);
  EXPECT_THAT(takeover.Body(), HasSubstr("NOT_LEADER"));
  EXPECT_THAT(second.received(), SizeIs(1)) << "and back and forth no more";
}

TEST_F(Gateway, WhatTheOneAnsweredOrLostIsNeverSentToTheOther) {
  const Peer other(standby_port_, Reply(202, "{}"));
  for (const std::string& answer :
       {Reply(503, R"({"code":"UNAVAILABLE"})"), Reply(422, "{}"), std::string("HTTP/1.1 2")}) {
    const Peer one(execution_port_, answer);
    const int status = SendRaw(port_, Order(kBody)).status;
    EXPECT_TRUE(status == 503 || status == 422 || status == 502) << status;
    EXPECT_THAT(one.received(), SizeIs(1));
  }
  EXPECT_THAT(other.received(), IsEmpty()) << "an order was sent twice";
}

}  // namespace
}  // namespace quantum::operate
