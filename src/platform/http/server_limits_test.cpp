#include <fmt/format.h>
#include <gmock/gmock.h>

#include <deque>
#include <ostream>
#include <set>

#include "platform/base/id.h"
#include "platform/http/server.h"
#include "platform/http/test_peers.h"

// What strangers may send and how long they may take, and how the server ends.
namespace quantum::http {
namespace {

using namespace std::chrono_literals;
using test::RawSocket;
using test::ServerThread;
using test::Within;
using testing::HasSubstr;

constexpr const char* kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

ServerOptions Limited(Duration request_timeout = 5s, Duration idle_timeout = 10s) {
  ServerOptions options;
  options.operator_token = "operator-token";
  options.header_bytes_max = 2048;
  options.body_bytes_max = 4096;
  options.request_timeout = request_timeout;
  options.idle_timeout = idle_timeout;
  return options;
}

void AddRoutes(Server& server) {
  server.Route("GET", "/hello", [](const Request&) { return Json("{}"); });
  server.Route("POST", "/echo", [](const Request& request) { return Json(request.body); });
  server.Route("GET", "/large", [](const Request&) { return Json(std::string(64'000'000, 'x')); });
}

std::string EchoHead(std::string_view more) {
  return fmt::format(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer operator-token\r\n"
      "Content-Type: application/json\r\n{}\r\n",
      more);
}

class HttpLimits : public testing::Test {
 protected:
  explicit HttpLimits(const ServerOptions& options = Limited()) : server_(options, AddRoutes) {}
  RawSocket Connect() { return RawSocket(server_.port()); }
  ServerThread server_;
};

// For what takes too long.
class HttpImpatience : public HttpLimits {
 protected:
  HttpImpatience() : HttpLimits(Limited(200ms)) {}
};

struct Malformed {
  const char* name;
  std::string bytes;
  int status;
};
void PrintTo(const Malformed& one, std::ostream* out) { *out << one.name; }
class MalformedRequest : public HttpLimits, public testing::WithParamInterface<Malformed> {};
TEST_P(MalformedRequest, IsAProblemAndTheEndOfTheConnection) {
  RawSocket socket = Connect();
  socket.Send(GetParam().bytes);
  const auto answer = socket.Receive();
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_NE(answer.Header("X-Correlation-ID"), "");
  EXPECT_TRUE(socket.ClosedByPeer());
}
INSTANTIATE_TEST_SUITE_P(
    HttpLimits, MalformedRequest,
    testing::Values(Malformed{"Noise", "\x16\x03\x01\x02garbage\r\n\r\n", 400},
                    Malformed{"NoVersion", "GET /hello\r\n\r\n", 400},
                    Malformed{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
                    Malformed{"SpaceBeforeColon", "GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400},
                    Malformed{"NoHost", "GET /hello HTTP/1.1\r\n\r\n", 400},
                    Malformed{"TwoHosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
                    Malformed{"BrokenEscape", "GET /hello%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
                    Malformed{"BrokenQuery", "GET /hello?a=%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
                    Malformed{"NegativeLength", EchoHead("Content-Length: -1\r\n"), 400},
                    Malformed{"TwoLengths", EchoHead("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
                    Malformed{"LengthAndChunked", EchoHead("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
                    Malformed{"UnknownCoding", EchoHead("Transfer-Encoding: gzip\r\n"), 501},
                    Malformed{"CodingBeforeChunked", EchoHead("Transfer-Encoding: gzip, chunked\r\n"), 501},
                    Malformed{"BrokenChunk", EchoHead("Transfer-Encoding: chunked\r\n") + "zz\r\n", 400},
                    Malformed{"LongHeader",
                              "GET /hello HTTP/1.1\r\nHost: x\r\nX: " + std::string(4000, 'a') + "\r\n\r\n", 431},
                    Malformed{"LongTarget", "GET /" + std::string(4000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
                    Malformed{"LargeBody", EchoHead("Content-Length: 5000\r\n"), 413},
                    Malformed{"LargeChunkedBody",
                              EchoHead("Transfer-Encoding: chunked\r\n") + "1388\r\n" + std::string(5000, 'x'), 413}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST_F(HttpLimits, HeaderThatTricklesInIsLimitedAsAWhole) {
  RawSocket socket = Connect();
  std::string request = "GET /hello HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 100; ++i) {
    request += fmt::format("X-Field-{}: {}\r\n", i, std::string(30, 'v'));
  }
  // In two halves, each below what one pass may hold.
  socket.Send(request.substr(0, 1900));
  socket.Send(request.substr(1900));
  EXPECT_EQ(socket.Receive().status, 431);
}

TEST_F(HttpLimits, ReadsChunkedBodiesAndDropsTrailers) {
  RawSocket socket = Connect();
  socket.Send(EchoHead("Transfer-Encoding: chunked\r\n") +
              "5\r\nhello\r\n6;x=1\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n" + kHello);
  EXPECT_EQ(socket.Receive().body, "hello world");
  EXPECT_EQ(socket.Receive().status, 200);
}

TEST_F(HttpLimits, ReadsABodyThatComesByteByByte) {
  RawSocket socket = Connect();
  for (const char c : EchoHead("Content-Length: 3\r\n") + "abc") {
    socket.Send(std::string_view(&c, 1));
  }
  EXPECT_EQ(socket.Receive().body, "abc");
}

TEST_F(HttpLimits, SaysContinueToAClientThatWaitsForIt) {
  RawSocket socket = Connect();
  socket.Send(EchoHead("Content-Length: 2\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(socket.Receive().status, 100);
  socket.Send("{}");
  EXPECT_EQ(socket.Receive().body, "{}");
}

TEST_F(HttpLimits, RefusesAnUnauthorizedBodyBeforeItIsSent) {
  RawSocket socket = Connect();
  socket.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = socket.Receive();
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.Header("Connection"), "close");
}

TEST_F(HttpLimits, AnswersARefusedUploadThatGoesOn) {
  RawSocket socket = Connect();
  socket.Send(EchoHead("Content-Length: 3000000\r\n") + std::string(3'000'000, 'x'));
  EXPECT_EQ(socket.Receive().status, 413);
}

TEST_F(HttpImpatience, SlowHeaderIs408) {
  RawSocket socket = Connect();
  socket.Send("GET /hello HT");
  EXPECT_EQ(socket.Receive().status, 408);
  EXPECT_TRUE(socket.ClosedByPeer());
}

TEST_F(HttpImpatience, SlowBodyIs408) {
  RawSocket socket = Connect();
  socket.Send(EchoHead("Content-Length: 10\r\n") + "abc");
  EXPECT_EQ(socket.Receive().status, 408);
}

TEST(HttpIdle, ConnectionIsClosedWithoutAWord) {
  ServerThread server(Limited(5s, 1s), AddRoutes);
  RawSocket socket(server.port());
  socket.Send(kHello);
  EXPECT_EQ(socket.Receive().status, 200);
  EXPECT_TRUE(socket.ClosedByPeer());
}

TEST(HttpSlowReader, IsDropped) {
  ServerOptions options = Limited(200ms, 60s);  // the first is also the time for writing one answer
  options.connections_max = 1;
  ServerThread server(options, AddRoutes);
  RawSocket socket(server.port());
  socket.LimitReceiveBuffer(4096);
  socket.Send(kHello);
  ASSERT_EQ(socket.Receive().status, 200) << "it is the one connection that the server has";
  socket.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Within(20s, [&] {
    RawSocket next(server.port());
    next.Send(kHello);
    return next.Receive().status == 200;
  })) << "its place is not free";
  EXPECT_EQ(socket.Receive().status, 0) << "the answer came whole";
}

TEST_F(HttpLimits, IgnoresEmptyLinesBeforeARequest) {
  RawSocket socket = Connect();
  socket.Send(std::string("\r\n\r\n") + kHello);
  EXPECT_EQ(socket.Receive().status, 200);
}

TEST(HttpConnections, AboveTheLimitAreRefusedWith503) {
  ServerOptions options;
  options.connections_max = 2;
  ServerThread server(options, AddRoutes);
  RawSocket first(server.port());
  RawSocket second(server.port());
  first.Send(kHello);
  second.Send(kHello);
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_EQ(second.Receive().status, 200);
  std::set<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    RawSocket third(server.port());
    third.Send(kHello);
    const RawSocket::Answer answer = third.Receive();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.Header("Retry-After"), "1");
    EXPECT_EQ(answer.Header("Connection"), "close");
    const std::string id = answer.Header("X-Correlation-ID");
    EXPECT_TRUE(IsCorrelationId(id)) << id;
    EXPECT_THAT(answer.body, HasSubstr("\"code\":\"TOO_MANY_CONNECTIONS\""));
    EXPECT_THAT(answer.body, HasSubstr("\"correlation_id\":\"" + id + "\""));
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 2u);
}

class HttpDrain : public testing::Test {
 protected:
  HttpDrain() : server_({}, [this](Server& server) { AddSlowRoutes(server); }) {}
  void AddSlowRoutes(Server& server) {
    server.Route("GET", "/slow", [this](const Request&) {
      const Unwinding unwinding{unwound_};
      started_ = true;
      while (!release_) {
        fiber::SleepFor(1ms);
      }
      return Json(R"({"slow":true})");
    });
    server.Route("GET", "/drain", [this, &server](const Request&) {
      started_ = true;
      EXPECT_TRUE(Within(10s, [this] { return release_.load(); }));  // holds the thread, and so the loop
      EXPECT_FALSE(server.Drain(0s)) << "this request is in flight";
      return Json("{}");
    });
    server.Route("GET", "/hello", [](const Request&) { return Json("{}"); });
    server.Route("GET", "/health", [](const Request&) { return Json("{}"); }, {.always = true});
  }
  void WaitUntilStarted() {
    ASSERT_TRUE(Within(10s, [this] { return started_.load(); }));
  }
  struct Unwinding {
    std::atomic<bool>& done;
    ~Unwinding() { done = true; }
  };
  std::atomic<bool> unwound_{false};
  std::atomic<bool> started_{false};
  std::atomic<bool> release_{false};
  ServerThread server_;
};

TEST_F(HttpDrain, FinishesWhatIsInFlightAndRefusesTheRest) {
  RawSocket busy(server_.port());
  RawSocket idle(server_.port());
  RawSocket probe(server_.port());
  for (RawSocket* socket : {&idle, &probe}) {
    socket->Send(kHello);
    EXPECT_EQ(socket->Receive().status, 200);
  }
  busy.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  WaitUntilStarted();
  test::RunInFiber([&](fiber::Loop&) {
    EXPECT_FALSE(server_.server().Drain(20ms));
    idle.Send(kHello);
    const auto refused = idle.Receive();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.Header("Connection"), "close");
    EXPECT_THAT(refused.body, testing::HasSubstr("DRAINING"));
    probe.Send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(probe.Receive().status, 200);
    release_ = true;
    EXPECT_TRUE(server_.server().Drain(5s));
    EXPECT_TRUE(server_.server().Drain(0s)) << "a second drain is a no-op";
  });
  const auto finished = busy.Receive();
  EXPECT_EQ(finished.body, R"({"slow":true})");
  EXPECT_EQ(finished.Header("Connection"), "close");
}

TEST_F(HttpDrain, AnswersTheConnectionsThatTheKernelHadAccepted) {
  RawSocket busy(server_.port());
  busy.Send("GET /drain HTTP/1.1\r\nHost: x\r\n\r\n");
  WaitUntilStarted();
  std::deque<RawSocket> queued;
  for (int i = 0; i < 20; ++i) {
    queued.emplace_back(server_.port()).Send(kHello);
  }
  release_ = true;
  EXPECT_EQ(busy.Receive().status, 200);
  for (RawSocket& socket : queued) {
    const int status = socket.Receive().status;
    EXPECT_TRUE(status == 503 || status == 200) << status;
  }
}

TEST_F(HttpDrain, StopClosesConnectionsAndFreesThePort) {
  RawSocket idle(server_.port());
  idle.Send(kHello);
  EXPECT_EQ(idle.Receive().status, 200);
  server_.Stop();
  EXPECT_TRUE(idle.ClosedByPeer());
  fiber::Loop loop("next");
  Server next(loop, {.port = server_.port()});
  EXPECT_TRUE(next.Start().ok());
}

TEST_F(HttpDrain, ALoopThatEndsInTheMiddleOfARequestUnwindsIt) {
  std::optional<ServerThread> server;
  server.emplace(ServerOptions(), [this](Server& routed) { AddSlowRoutes(routed); });
  RawSocket busy(server->port());
  busy.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  WaitUntilStarted();
  EXPECT_FALSE(unwound_);
  server.reset();  // ends the loop with the handler still waiting
  EXPECT_TRUE(unwound_);
}

}  // namespace
}  // namespace quantum::http
