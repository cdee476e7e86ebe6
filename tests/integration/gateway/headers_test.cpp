#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "tests/integration/gateway/gateway_fixture.h"
#include "tests/integration/gateway/peer.h"

// The headers of what passes the gateway and of what it answers itself, its access log, and a service that is silent.
namespace quantum::operate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPolicyOfNoPage =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

std::string Ok(const std::string& headers = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + headers +
         "Content-Length: 2\r\nConnection: close\r\n\r\n{}";
}

// All values that an answer gives a header, in order.
std::vector<std::string> Values(const Answer& answer, const std::string& name) {
  std::vector<std::string> values;
  const std::string head = answer.text.substr(0, answer.text.find("\r\n\r\n") + 2);
  const std::string line = "\r\n" + name + ": ";
  for (size_t at = 0; (at = head.find(line, at)) != std::string::npos; at += 2) {
    const size_t begin = at + line.size();
    values.push_back(head.substr(begin, head.find("\r\n", begin) - begin));
  }
  return values;
}

void ExpectSecurityHeaders(const Answer& answer) {
  EXPECT_THAT(Values(answer, "X-Frame-Options"), ElementsAre("DENY"));
  EXPECT_THAT(Values(answer, "X-Content-Type-Options"), ElementsAre("nosniff"));
  EXPECT_THAT(Values(answer, "Referrer-Policy"), ElementsAre("no-referrer"));
}

TEST_F(Gateway, EveryAnswerHasTheSecurityHeaders) {
  const Peer peer(marketdata_port_, Ok());
  const std::map<std::string, int> cases{{"/api/market/price", 200}, {"/api/none", 404}, {"/api/ai/models", 502}};
  for (const auto& [path, status] : cases) {
    SCOPED_TRACE(path);
    const Answer answer = Get(path);
    EXPECT_EQ(answer.status, status);
    ExpectSecurityHeaders(answer);
    EXPECT_THAT(Values(answer, "Content-Security-Policy"), ElementsAre(kPolicyOfNoPage));
    EXPECT_THAT(Values(answer, "Access-Control-Allow-Origin"), IsEmpty());
  }
}

TEST_F(Gateway, APageKeepsThePolicyItCameWithAndGetsNoSecondOne) {
  const Peer peer(marketdata_port_, Ok("Content-Security-Policy: default-src 'self'\r\n"));
  const Answer answer = Get("/api/market/price");
  EXPECT_EQ(answer.status, 200);
  ExpectSecurityHeaders(answer);
  EXPECT_THAT(Values(answer, "Content-Security-Policy"), ElementsAre("default-src 'self'"));
}

class GatewayWithOrigins : public Gateway {
 protected:
  GatewayWithOrigins() : Gateway(Changes{.overrides = {"limits.cors_origins=[\"https://desk.example\"]"}}) {}

  Answer Ask(const std::string& method, const std::string& origin) {
    return SendRaw(port_, Request(method, "/api/market/price", "Origin: " + origin + "\r\nContent-Length: 0\r\n"));
  }
  Answer Preflight(const std::string& origin) {
    return SendRaw(port_, Request("OPTIONS", "/api/market/price",
                                  "Origin: " + origin + "\r\nAccess-Control-Request-Method: POST\r\n"));
  }
};

TEST_F(GatewayWithOrigins, APageOfAListedOriginMayCall) {
  const Peer peer(marketdata_port_, Ok());
  const Answer preflight = Preflight("https://desk.example");
  EXPECT_EQ(preflight.status, 204) << preflight.text;
  EXPECT_THAT(Values(preflight, "Access-Control-Allow-Origin"), ElementsAre("https://desk.example"));
  EXPECT_THAT(Values(preflight, "Access-Control-Allow-Methods"), ElementsAre("GET, POST, PUT, OPTIONS"));
  EXPECT_THAT(Values(preflight, "Access-Control-Allow-Headers"),
              ElementsAre("Authorization, Content-Type, X-Correlation-ID"));
  EXPECT_THAT(Values(preflight, "Vary"), ElementsAre("Origin"));
  ExpectSecurityHeaders(preflight);
  for (const char* method : {"GET", "POST"}) {
    const Answer answer = Ask(method, "https://desk.example");
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_THAT(Values(answer, "Access-Control-Allow-Origin"), ElementsAre("https://desk.example"));
    EXPECT_THAT(Values(answer, "Vary"), ElementsAre("Origin"));
  }
}

TEST_F(GatewayWithOrigins, APageOfAnotherOriginMayNot) {
  const Peer peer(marketdata_port_, Ok());
  for (const char* origin : {"https://evil.example", "http://desk.example", "https://desk.example.evil.example",
                             "https://deskxexample", "null"}) {
    SCOPED_TRACE(origin);
    for (const Answer& answer : {Preflight(origin), Ask("POST", origin)}) {
      EXPECT_EQ(answer.status, 403) << answer.text;
      EXPECT_THAT(answer.Body(), HasSubstr("FOREIGN_ORIGIN"));
      EXPECT_THAT(Values(answer, "Access-Control-Allow-Origin"), IsEmpty());
      EXPECT_THAT(Values(answer, "Access-Control-Allow-Methods"), IsEmpty());
    }
    // A browser shows what it reads only to a page that is named; the request itself is as good as curl's.
    const Answer read = Ask("GET", origin);
    EXPECT_EQ(read.status, 200);
    EXPECT_THAT(Values(read, "Access-Control-Allow-Origin"), IsEmpty());
  }
}

TEST_F(Gateway, ALineOfTheLogHasTheTimesOfTheWayThereAndBack) {
  const Peer peer(marketdata_port_, Ok());
  ASSERT_EQ(Get("/api/market/price").status, 200);
  ASSERT_EQ(Get("/api/none").status, 404);
  std::vector<boost::json::object> lines;
  ASSERT_TRUE(quantum::testing::Eventually(std::chrono::seconds(20), [&] {
    lines.clear();
    const std::string log = AccessLog();
    for (size_t begin = 0, end; (end = log.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(boost::json::parse(log.substr(begin, end - begin)).as_object());
    }
    return lines.size() >= 2;
  }));
  const std::regex pattern(R"(\d+\.\d{3})");
  const auto is_time = [&](const boost::json::value& text) {
    return std::regex_match(std::string(text.as_string()), pattern);
  };
  EXPECT_EQ(lines[0].at("path"), "/api/market/price");
  EXPECT_GE(lines[0].at("request_time").to_number<double>(), 0);
  for (const char* name : {"connect_time", "header_time", "response_time"}) {
    EXPECT_TRUE(is_time(lines[0].at(name))) << name << ": " << lines[0].at(name);
    EXPECT_EQ(lines[1].at(name), "") << name << " of an answer of its own";
  }
  EXPECT_EQ(lines[1].at("path"), "/api/none");
  EXPECT_GE(lines[1].at("request_time").to_number<double>(), 0);
}

// 30 s are too long for a test.
class ImpatientGateway : public Gateway {
 protected:
  ImpatientGateway() : Gateway(Changes{{}, "proxy_read_timeout 30s;", "proxy_read_timeout 300ms;"}) {}
};

TEST_F(ImpatientGateway, AServiceThatDoesNotAnswerIsA504) {
  const Peer silent(marketdata_port_, "");
  const Answer answer = Get("/api/market/price");
  EXPECT_EQ(answer.status, 504) << answer.text;
  EXPECT_THAT(Values(answer, "Content-Type"), ElementsAre("application/problem+json"));
  const boost::json::value problem = boost::json::parse(answer.Body());
  EXPECT_EQ(problem.at("code"), "UPSTREAM_TIMEOUT");
  EXPECT_EQ(problem.at("status"), 504);
  EXPECT_GE(problem.at("correlation_id").as_string().size(), 8u);
  ExpectSecurityHeaders(answer);
}

}  // namespace
}  // namespace quantum::operate
