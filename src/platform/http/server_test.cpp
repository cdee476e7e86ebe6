#include "platform/http/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <chrono>
#include <ostream>
#include <stdexcept>
#include <thread>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/http/client.h"
#include "platform/http/test_peers.h"
#include "platform/metrics/metrics.h"

namespace quantum::http {
namespace {

using namespace std::chrono_literals;
using test::RawSocket;
using test::RunInFiber;
using test::ServerThread;
using testing::HasSubstr;

constexpr const char* kOperator = "operator-token-0123456789";
constexpr const char* kService = "service-token-9876543210";

ServerOptions Options() {
  ServerOptions options;
  options.operator_token = kOperator;
  options.service_token = kService;
  options.allowed_origins = {"http://console.local"};
  options.header_bytes_max = 2048;
  options.body_bytes_max = 4096;
  return options;
}

void AddRoutes(Server& server) {
  server.Route("GET", "/hello", [](const Request&) { return Json(R"({"hello":true})"); });
  server.Route("GET", "/orders/{id}", [](const Request& request) {
    return Json(request.Parameter("id") + "|" + request.Query("limit").value_or("none") + "|" + request.path);
  });
  server.Route("GET", "/cid", [](const Request& request) {
    EXPECT_EQ(request.correlation_id, CurrentCorrelationId());
    return Json(CurrentCorrelationId());
  });
  server.Route("GET", "/throws", [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
  server.Route("GET", "/refuses", [](const Request&) { return Problem(Error{Errc::kConflict, "version 3, not 2"}); });
  server.Route("GET", "/empty", [](const Request&) { return Response{.status = 204}; });
  server.Route("GET", "/injects", [](const Request&) {
    Response response = Json("{}");
    response.headers.Add("X-Note", "a\r\nSet-Cookie: stolen=1");
    response.headers.Add("Content-Length", "99");
    return response;
  });
  server.Route("GET", "/large", [](const Request&) { return Json(std::string(3'000'000, 'x')); });
  server.Route("POST", "/echo", [](const Request& request) { return Json(request.body); }, {.auth = Auth::kToken});
  server.Route("POST", "/forgotten", [](const Request& request) { return Json(request.body); });
  server.Route("POST", "/admin", [](const Request&) { return Json("{}", 202); }, {.auth = Auth::kOperator});
}

class HttpServer : public testing::Test {
 protected:
  RawSocket Connect() { return RawSocket(server_.port()); }
  RawSocket::Answer Get(std::string_view target, std::string_view headers = "") {
    RawSocket socket = Connect();
    socket.Send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", target, headers));
    return socket.Receive();
  }
  RawSocket::Answer Post(std::string_view target, std::string_view headers, std::string_view body = "{}") {
    RawSocket socket = Connect();
    socket.Send(fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", target, headers, body.size(), body));
    return socket.Receive();
  }
  static boost::json::object Body(const RawSocket::Answer& answer) {
    return boost::json::parse(answer.body).as_object();
  }

  ServerThread server_{Options(), AddRoutes};
};

TEST(HttpServerClock, TellsDateAndTheTimeInCorrelationIds) {
  RunInFiber([](fiber::Loop& loop) {
    ManualClock clock(FromUnixMs(1'700'000'000'000));
    Server server(loop, {}, clock);
    server.Route("GET", "/hello", [](const Request&) { return Json("{}"); });
    ASSERT_TRUE(server.Start().ok());
    Client client(loop);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.port()) + "/hello";
    ClientRequest request{.url = url};
    const auto first = client.Send(request);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_EQ(first->headers.Find("Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    clock.Advance(61s);
    request.headers.Set("X-Correlation-ID", "none");  // too short to be taken: the server makes one
    const auto later = client.Send(request);
    ASSERT_TRUE(later.ok()) << later.error().message;
    EXPECT_EQ(later->headers.Find("Date"), "Tue, 14 Nov 2023 22:14:21 GMT");
    EXPECT_EQ(later->headers.Find("X-Correlation-ID").value_or("").substr(0, 13), "018bcfe6-5648")
        << "the first 48 bits are milliseconds";
  });
}

TEST_F(HttpServer, AnswersAGetWithLengthTypeDateAndCorrelationId) {
  const auto answer = Get("/hello");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"hello":true})");
  EXPECT_EQ(answer.Header("Content-Type"), "application/json");
  EXPECT_EQ(answer.Header("Date").size(), 29u);
  EXPECT_TRUE(IsCorrelationId(answer.Header("X-Correlation-ID")));
  EXPECT_EQ(answer.Header("Connection"), "");
}

TEST_F(HttpServer, GivesDecodedParametersQueryAndPath) {
  EXPECT_EQ(Get("/orders/a%20b?limit=5%2B1&x=").body, "a b|5+1|/orders/a b");
  EXPECT_EQ(Get("http://localhost:1/orders/7").body, "7|none|/orders/7");
}

TEST_F(HttpServer, TakesAGoodCorrelationIdAndReplacesABadOne) {
  const auto taken = Get("/cid", "X-Correlation-ID: abc-12345678\r\n");
  EXPECT_EQ(taken.body, "abc-12345678");
  EXPECT_EQ(taken.Header("X-Correlation-ID"), "abc-12345678");
  const auto replaced = Get("/cid", "X-Correlation-ID: bad id!\r\n");
  EXPECT_TRUE(IsCorrelationId(replaced.body));
  EXPECT_EQ(replaced.Header("X-Correlation-ID"), replaced.body);
}

TEST_F(HttpServer, KeepsTheConnectionAliveForMoreRequests) {
  RawSocket socket = Connect();
  for (int i = 0; i < 3; ++i) {
    socket.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(socket.Receive().status, 200);
  }
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  RawSocket socket = Connect();
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    requests += fmt::format("GET /orders/{} HTTP/1.1\r\nHost: x\r\n\r\n", i);
  }
  socket.Send(requests);
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(socket.Receive().body, fmt::format("{0}|none|/orders/{0}", i));
  }
}

TEST_F(HttpServer, GoesOnInAPipelineAfterARefusedBodyThatIsWhollyThere) {
  RawSocket socket = Connect();
  socket.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
      "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(socket.Receive().status, 401);
  EXPECT_EQ(socket.Receive().status, 200);
}

TEST_F(HttpServer, ClosesWhenAskedTo) {
  RawSocket socket = Connect();
  socket.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(socket.Receive().Header("Connection"), "close");
  EXPECT_TRUE(socket.ClosedByPeer());
}

TEST_F(HttpServer, SpeaksHttp10) {
  RawSocket socket = Connect();
  socket.Send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(socket.Receive().Header("Connection"), "keep-alive");
  socket.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(socket.Receive().status, 200);
  EXPECT_TRUE(socket.ClosedByPeer());
}

TEST_F(HttpServer, AnswersHeadWithoutTheBody) {
  RawSocket socket = Connect();
  socket.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(socket.Receive(true).Header("Content-Length"), "14");
  EXPECT_EQ(socket.Receive().body, R"({"hello":true})");
}

TEST_F(HttpServer, SendsNoBodyAndNoLengthWith204) {
  const auto answer = Get("/empty");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.Header("Content-Length"), "");
}

TEST_F(HttpServer, SendsLargeBodiesWhole) { EXPECT_EQ(Get("/large").body, std::string(3'000'000, 'x')); }

TEST_F(HttpServer, LetsNoHandlerEndAHeaderLineOrChangeTheFraming) {
  const auto answer = Get("/injects");
  EXPECT_EQ(answer.body, "{}");
  EXPECT_EQ(answer.Header("X-Note"), "aSet-Cookie: stolen=1");
  EXPECT_EQ(answer.Header("Set-Cookie"), "");
}

TEST_F(HttpServer, AnswersProblemsWithCodeAndCorrelationId) {
  const auto answer = Get("/nowhere", "X-Correlation-ID: trace-0001\r\n");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
  const auto problem = Body(answer);
  EXPECT_EQ(problem.at("status").as_int64(), 404);
  EXPECT_EQ(problem.at("title").as_string(), "Not Found");
  EXPECT_EQ(problem.at("code").as_string(), "NOT_FOUND");
  EXPECT_EQ(problem.at("correlation_id").as_string(), "trace-0001");
}

TEST_F(HttpServer, NamesTheMethodsOfAPathThatHasOthers) {
  RawSocket socket = Connect();
  socket.Send("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = socket.Receive();
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.Header("Allow"), "GET, HEAD");
}

TEST_F(HttpServer, TurnsAHandlersExceptionInto500WithoutItsText) {
  const auto answer = Get("/throws");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, testing::Not(HasSubstr("secret detail")));
}

TEST_F(HttpServer, MapsErrorsToProblems) {
  const auto answer = Get("/refuses");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(Body(answer).at("detail").as_string(), "version 3, not 2");
}

TEST_F(HttpServer, CountsRequestsByRouteMethodAndStatus) {
  Get("/orders/1");
  Get("/orders/2");
  Get("/no/such/path-1");
  // A request is counted once its answer is written, which the client may see first.
  const std::string last = R"(http_requests_total{endpoint="unmatched",method="GET",status="404"})";
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  std::string text = metrics::Scrape();
  while (text.find(last) == std::string::npos && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
    text = metrics::Scrape();
  }
  EXPECT_THAT(text, HasSubstr(last));
  EXPECT_THAT(text, HasSubstr(R"(http_requests_total{endpoint="/orders/{id}",method="GET",status="200"})"));
  EXPECT_THAT(text, HasSubstr(R"(http_requests_in_progress{endpoint="/orders/{id}",method="GET"} 0)"));
  EXPECT_THAT(text, testing::Not(HasSubstr("path-1")));
}

struct WriteCase {
  const char* name;
  const char* path;
  std::string headers;
  int status;
  const char* code;
};
void PrintTo(const WriteCase& one, std::ostream* out) { *out << one.name; }
class Write : public HttpServer, public testing::WithParamInterface<WriteCase> {};
TEST_P(Write, IsJudgedBeforeTheHandlerRuns) {
  const auto answer = Post(GetParam().path, GetParam().headers);
  EXPECT_EQ(answer.status, GetParam().status);
  if (GetParam().code != nullptr) {
    EXPECT_EQ(Body(answer).at("code").as_string(), GetParam().code);
  }
}
std::string Headers(std::string_view token, std::string_view host = "127.0.0.1:8002",
                    std::string_view type = "application/json", std::string_view more = "") {
  return fmt::format("Host: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n{}", host, token, type, more);
}
INSTANTIATE_TEST_SUITE_P(
    HttpServer, Write,
    testing::Values(
        WriteCase{"OperatorToken", "/echo", Headers(kOperator), 200, nullptr},
        WriteCase{"ServiceToken", "/echo", Headers(kService), 200, nullptr},
        WriteCase{"CharsetParameter", "/echo", Headers(kOperator, "localhost", "Application/JSON; charset=utf-8"), 200,
                  nullptr},
        WriteCase{"Ipv6Host", "/echo", Headers(kOperator, "[::1]:8002"), 200, nullptr},
        WriteCase{"AllowedOrigin", "/echo",
                  Headers(kOperator, "localhost", "application/json", "Origin: http://console.local\r\n"), 200,
                  nullptr},
        WriteCase{"OpenByMistakeWithToken", "/forgotten", Headers(kOperator), 200, nullptr},
        WriteCase{"OpenByMistake", "/forgotten", "Host: localhost\r\nContent-Type: application/json\r\n", 401,
                  "TOKEN_MISSING"},
        WriteCase{"NoToken", "/echo", "Host: localhost\r\nContent-Type: application/json\r\n", 401, "TOKEN_MISSING"},
        WriteCase{"EmptyToken", "/echo", Headers(""), 401, "TOKEN_MISSING"},
        WriteCase{"WrongToken", "/echo", Headers("operator-token-012345678X"), 401, "TOKEN_INVALID"},
        WriteCase{"TokenPrefix", "/echo", Headers("operator-token"), 401, "TOKEN_INVALID"},
        WriteCase{"ServiceTokenForTheOperator", "/admin", Headers(kService), 403, "OPERATOR_TOKEN_REQUIRED"},
        WriteCase{"OperatorOnAdmin", "/admin", Headers(kOperator), 202, nullptr},
        WriteCase{"ForeignHost", "/echo", Headers(kOperator, "evil.example"), 403, "HOST_NOT_ALLOWED"},
        WriteCase{"HostSuffix", "/echo", Headers(kOperator, "localhost.evil.example"), 403, "HOST_NOT_ALLOWED"},
        WriteCase{"ForeignOrigin", "/echo",
                  Headers(kOperator, "localhost", "application/json", "Origin: https://evil.example\r\n"), 403,
                  "ORIGIN_NOT_ALLOWED"},
        WriteCase{"NullOrigin", "/echo", Headers(kOperator, "localhost", "application/json", "Origin: null\r\n"), 403,
                  "ORIGIN_NOT_ALLOWED"},
        WriteCase{"FormPost", "/echo", Headers(kOperator, "localhost", "application/x-www-form-urlencoded"), 415,
                  "CONTENT_TYPE"},
        WriteCase{"TextPost", "/echo", Headers(kOperator, "localhost", "text/plain"), 415, "CONTENT_TYPE"},
        // What a page elsewhere can make a browser send without asking first.
        WriteCase{"BrowserForm", "/admin",
                  "Host: 127.0.0.1:8002\r\nOrigin: https://evil.example\r\nContent-Type: text/plain\r\n", 403,
                  "ORIGIN_NOT_ALLOWED"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(HttpServerWithoutTokens, RefusesEveryWrite) {
  ServerThread server({}, AddRoutes);
  RawSocket socket(server.port());
  socket.Send("POST /echo HTTP/1.1\r\n" + Headers("") + "Content-Length: 0\r\n\r\n");
  const auto answer = socket.Receive();
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.body, HasSubstr("TOKEN_NOT_CONFIGURED"));
  EXPECT_EQ(answer.Header("WWW-Authenticate"), "Bearer");
}

TEST(HttpServerOfTheExchange, ItsOwnEndpointsAskForNothingAndEchoNoCorrelationIdTheOthersDo) {
  const auto echo = [](const Request& request) { return Json(request.body + " " + request.correlation_id); };
  ServerOptions options = Options();
  options.exchange_protocol = true;
  ServerThread server(options, [&](Server& s) {
    s.Route("POST", "/fapi/v1/order", echo, {.exchange = true});
    s.Route("POST", "/forgotten", echo);
    s.Route("POST", "/admin/pause", echo, {.auth = Auth::kOperator});
    s.Route("GET", "/health", echo);
  });
  RawSocket socket(server.port());
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& headers) {
    socket.Send(method + " " + path + " HTTP/1.1\r\nX-Correlation-ID: from-the-connector\r\n" + headers +
                "Content-Length: 0\r\n\r\n");
    return socket.Receive();
  };
  const auto order = ask("POST", "/fapi/v1/order", "Host: fapi.binance.com\r\n");
  EXPECT_EQ(order.status, 200);
  EXPECT_EQ(order.body, " from-the-connector") << "read, for the log";
  EXPECT_EQ(order.Header("X-Correlation-ID"), "");

  const std::string token = "Authorization: Bearer " + options.operator_token + "\r\n";
  const std::string json = "Content-Type: application/json\r\n";
  EXPECT_EQ(ask("POST", "/forgotten", "Host: localhost\r\n" + json).status, 401);
  EXPECT_EQ(ask("POST", "/admin/pause", "Host: evil.example\r\n" + token + json).status, 403);
  EXPECT_EQ(ask("POST", "/admin/pause", "Host: localhost\r\nOrigin: https://evil.example\r\n" + token + json).status,
            403);
  EXPECT_EQ(ask("POST", "/admin/pause", "Host: localhost\r\n" + token).status, 415);
  EXPECT_EQ(ask("POST", "/admin/pause", "Host: localhost\r\n" + token + json).status, 200);
  EXPECT_EQ(ask("GET", "/health", "Host: localhost\r\n").Header("X-Correlation-ID"), "from-the-connector");
}

TEST(HttpServerOfAService, ARouteCannotDeclareItselfTheExchanges) {
  ServerThread server(Options(), [](Server& s) {
    s.Route("POST", "/order", [](const Request&) { return Json("{}"); }, {.exchange = true});
  });
  RawSocket socket(server.port());
  socket.Send("POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(socket.Receive().status, 401);
}

TEST(HttpServerStart, NamesThePortThatIsTaken) {
  ServerThread first({}, AddRoutes);
  fiber::Loop loop("second");
  Server second(loop, {.port = first.port()});
  const Status status = second.Start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Errc::kConflict);
  EXPECT_THAT(status.error().message, HasSubstr(std::to_string(first.port())));
}

TEST(HttpServerRoute, RunsOnTheLoopItAsksFor) {
  fiber::Loop main_loop("main");
  std::thread main_thread([&] { main_loop.Run(); });
  std::string where;
  {
    ServerThread server({}, [&](Server& s) {
      s.Route("GET", "/where",
              [&](const Request& request) {
                fiber::SleepFor(1ms);
                where = fiber::CurrentLoop().name();
                EXPECT_EQ(CurrentCorrelationId(), request.correlation_id);
                return Json("{}");
              },
              {.loop = &main_loop});
      s.Route("GET", "/throws", [](const Request&) -> Response { throw 1; }, {.loop = &main_loop});
    });
    RawSocket socket(server.port());
    socket.Send("GET /where HTTP/1.1\r\nHost: x\r\n\r\nGET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(socket.Receive().status, 200);
    EXPECT_EQ(socket.Receive().status, 500);
  }
  main_loop.Stop();
  main_thread.join();
  EXPECT_EQ(where, "main");
}

}  // namespace
}  // namespace quantum::http
