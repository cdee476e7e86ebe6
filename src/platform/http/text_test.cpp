#include "platform/http/text.h"

#include <gtest/gtest.h>

#include "platform/base/correlation.h"
#include "platform/http/client_request.h"
#include "platform/http/url.h"

namespace quantum::http {
namespace {

TEST(PercentDecode, DecodesAndRefusesBrokenEscapes) {
  EXPECT_EQ(PercentDecode("a%2Fb%c3%a9+"), "a/b\xc3\xa9+");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  for (const char* text : {"%", "%4", "%zz", "a%2", "%00"}) {
    EXPECT_FALSE(PercentDecode(text)) << text;
  }
}

TEST(ParseQuery, KeepsOrderRepeatsAndEmptyValues) {
  EXPECT_EQ(ParseQuery("a=1&b&a=2&=x&&c=%26+"),
            (QueryPairs{{"a", "1"}, {"b", ""}, {"a", "2"}, {"", "x"}, {"c", "& "}}));
  EXPECT_FALSE(ParseQuery("a=%1"));
}

TEST(HasToken, FindsATokenInAList) {
  EXPECT_TRUE(HasToken("keep-alive, Upgrade", "upgrade"));
  EXPECT_FALSE(HasToken("keep-alive, Upgraded", "upgrade"));
}

TEST(ParseUrl, TakesAUrlApart) {
  const auto url = ParseUrl("HTTPS://user:p%40ss@Example.com/a/b?c=d&e=%20#f");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a/b?c=d&e=%20");
  EXPECT_EQ(url->user_info, "user:p@ss");
  EXPECT_EQ(url->Shown().find("p@ss"), std::string::npos);
  EXPECT_EQ(url->Shown().find("c=d"), std::string::npos);
}

TEST(ParseUrl, FillsInPortAndPath) {
  EXPECT_EQ(ParseUrl("http://127.0.0.1:8002")->target, "/");
  EXPECT_EQ(ParseUrl("http://127.0.0.1:8002?x=1")->target, "/?x=1");
  EXPECT_EQ(ParseUrl("ws://localhost/ws")->port, 80);
  EXPECT_EQ(ParseUrl("wss://localhost/ws")->port, 443);
  EXPECT_EQ(ParseUrl("http://[::1]:8001/")->host, "::1");
  EXPECT_EQ(ParseUrl("http://[::1]:8001/")->authority, "[::1]:8001");
  EXPECT_EQ(ParseUrl("http://localhost:80/")->authority, "localhost");
}

TEST(ParseUrl, RefusesWhatItCannotCallAndNeverRepeatsAPassword) {
  for (const char* text : {"", "localhost:8001", "ftp://x/", "http:///x", "http://h:99999/", "http://h:0/",
                           "http://a b/", "http://u:hunter2@h:port/"}) {
    const auto url = ParseUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().code, Errc::kInvalidArgument);
    EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(SerializeRequest, AddsWhatAClientOwes) {
  const CorrelationScope scope("trace-0001");
  const Url url = *ParseUrl("http://user:pw@127.0.0.1:8002/orders?x=1");
  EXPECT_EQ(*SerializeRequest({.method = "POST", .url = "", .body = "{}"}, url),
            "POST /orders?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8002\r\nX-Correlation-ID: trace-0001\r\n"
            "User-Agent: quantum-trader\r\nAuthorization: Basic dXNlcjpwdw==\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}");
}

TEST(SerializeRequest, RefusesSmuggledHeadersAndIgnoresTheCallersFraming) {
  const Url url = *ParseUrl("http://h/");
  ClientRequest request;
  request.headers.Add("Content-Length", "5");
  request.headers.Add("Transfer-Encoding", "chunked");
  EXPECT_EQ(SerializeRequest(request, url)->find("chunked"), std::string::npos);
  request.headers.Add("X", "a\r\nY: b");
  EXPECT_EQ(SerializeRequest(request, url).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(SerializeRequest({.method = "GE T"}, url).error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace quantum::http
