#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>
#include <filesystem>

#include "operator/state/rotate.h"
#include "tests/integration/gateway/gateway_fixture.h"

// What the gateway answers by itself.
namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using quantum::testing::Eventually;
using quantum::testing::ReadFile;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Gateway, AnswersWhatItCannotReadWithProblemDetails) {
  const std::string large(9000, 'x');
  const struct {
    std::string name;
    std::string bytes;
    int status;
  } cases[] = {
      {"no HTTP", "what is this\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400},
      {"a line too long", Request("GET", "/api/market/price?x=" + large), 414},
      {"a header too large", Request("GET", "/api/market/price", "X-Large: " + large + "\r\n"), 431},
      {"an unknown transfer encoding", Request("POST", "/api/market/price", "Transfer-Encoding: odd\r\n"), 501},
      {"an unknown version", "GET / HTTP/3.0\r\n\r\n", 505},
      {"an unknown path", Request("GET", "/api/none"), 404},
      {"nobody behind it", Request("GET", "/api/market/price"), 502},
      {"a foreign page", Request("POST", "/api/market/price", "Origin: http://evil.example\r\nContent-Length: 0\r\n"),
       403},
  };
  for (const auto& each : cases) {
    const Answer answer = SendRaw(port_, each.bytes);
    EXPECT_EQ(answer.status, each.status) << each.name << ": " << answer.text.substr(0, 300);
    EXPECT_THAT(answer.text, HasSubstr("Content-Type: application/problem+json")) << each.name;
    boost::system::error_code error;
    const boost::json::value problem = boost::json::parse(answer.Body(), error);
    ASSERT_FALSE(error) << each.name << ": " << answer.text;
    EXPECT_EQ(problem.at("status").as_int64(), each.status) << each.name;
    EXPECT_GE(problem.at("correlation_id").as_string().size(), 8u) << each.name;
  }
}

TEST_F(Gateway, WhatIsForServicesAloneIsNotThere) {
  for (const char* path : {"/api/risk/decide", "/api/risk/decide/", "/api/risk/%64ecide", "/api/execution/rearm",
                           "/api//execution/./rearm", "/admin/pause", "/metrics"}) {
    EXPECT_EQ(SendRaw(port_, Request("POST", path, "Content-Length: 0\r\n")).status, 404) << path;
  }
  EXPECT_EQ(SendRaw(port_, Request("POST", "/api/risk/check", "Content-Length: 0\r\n")).status, 502);
}

TEST_F(Gateway, OneUpstreamsLimitIsNotSpentByAnother) {
  std::string burst;
  for (int i = 0; i < 100; ++i) {
    burst += "GET /api/market/price HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  }
  // At once, on one connection: 100 a second and a burst of 20 do not suffice.
  const Answer market = SendRaw(port_, burst + Request("GET", "/api/market/price"));
  ASSERT_THAT(market.text, HasSubstr("HTTP/1.1 429"));
  EXPECT_EQ(Get("/api/portfolio/pnl").status, 502);
  EXPECT_EQ(Get("/api/training/jobs").status, 503);
}

TEST_F(Gateway, NoQueryStringGetsIntoALog) {
  Get("/api/market/price?token=hunter2");
  SendRaw(port_, Request("GET", "/api/market/price?token=hunter2", "X-Large: " + std::string(9000, 'x') + "\r\n"));
  SendRaw(port_, "GET /x?token=hunter2 HTTP/3.0\r\n\r\n");
  ASSERT_TRUE(Eventually(seconds(20), [&] { return AccessLog().find("\"status\":505") != std::string::npos; }));
  EXPECT_THAT(AccessLog(), AllOf(HasSubstr(R"("path":"/api/market/price")"), HasSubstr(R"("status":502)")));
  EXPECT_THAT(AccessLog(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ReadFile(layout_.Log() + "/gateway-error.log"), Not(HasSubstr("hunter2")));
}

TEST_F(Gateway, WritesToANewFileAfterRotation) {
  const std::string path = layout_.Log() + "/gateway-access.log";
  Get("/api/none/before");
  ASSERT_TRUE(Eventually(seconds(20), [&] { return AccessLog().find("before") != std::string::npos; }));
  ASSERT_TRUE(*RotateLog(path, 10, 2));
  nginx_->Signal(SIGUSR1);
  ASSERT_TRUE(Eventually(seconds(20), [&] { return fs::exists(path); }));
  EXPECT_TRUE(Eventually(seconds(20), [&] {
    Get("/api/none/after");
    return AccessLog().find("after") != std::string::npos;
  }));
  EXPECT_THAT(ReadFile(path + ".1"), HasSubstr("before"));
  EXPECT_THAT(AccessLog(), Not(HasSubstr("before")));
}

}  // namespace
}  // namespace quantum::operate
