#include "platform/http/client.h"

#include <gmock/gmock.h>

#include <ostream>

#include "platform/base/correlation.h"
#include "platform/http/test_peers.h"

namespace quantum::http {
namespace {

using namespace std::chrono_literals;
using test::ClosedPort;
using test::RawSocket;
using test::RunInFiber;
using test::ScriptedPeer;
using test::ServerThread;
using test::Within;
using testing::HasSubstr;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

ServerOptions Options() {
  ServerOptions options;
  options.operator_token = "token";
  return options;
}

class HttpClient : public testing::Test {
 protected:
  void AddRoutes(Server& server) {
    server.Route("GET", "/hello", [this](const Request& request) {
      ++calls_;
      Response response = Json(R"({"hello":true})");
      response.headers.Add("X-Seen-Correlation-ID", request.correlation_id);
      return response;
    });
    server.Route("POST", "/echo", [](const Request& request) { return Json(request.body); });
    server.Route("GET", "/held", [this](const Request&) {
      ++calls_;
      while (!release_) {
        fiber::SleepFor(5ms);
      }
      return Json("{}");
    });
    server.Route("GET", "/unready", [this](const Request&) {
      if (++calls_ < 3) {
        Response response = Problem(503, "NOT_LEADER", "standby");
        response.headers.Add("Retry-After", "0");
        return response;
      }
      return Json("{}");
    });
    server.Route("GET", "/busy", [this](const Request&) {
      ++calls_;
      Response response = Problem(429, "EXHAUSTED", "later");
      response.headers.Add("Retry-After", "60");
      return response;
    });
    server.Route("GET", "/down", [this](const Request&) {
      ++calls_;
      return Problem(503, "UNAVAILABLE", "down");
    });
    server.Route("GET", "/large", [](const Request&) { return Json(std::string(100'000, 'x')); });
  }
  std::string Url(std::string_view path) const { return server_.Url(path); }

  std::atomic<int> calls_{0};
  std::atomic<bool> release_{false};  // what /held waits for
  ServerThread server_{Options(), [this](Server& server) { AddRoutes(server); }};
};

TEST_F(HttpClient, GetsAnAnswerAndPassesTheCorrelationIdOn) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    const CorrelationScope scope("trace-0042");
    const auto answer = client.Send({.url = Url("/hello")});
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, R"({"hello":true})");
    EXPECT_EQ(answer->content_type, "application/json");
    EXPECT_EQ(answer->headers.Find("x-seen-correlation-id"), "trace-0042");
  });
}

TEST_F(HttpClient, PostsABodyWithHeaders) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    ClientRequest request{.method = "POST", .url = Url("/echo"), .body = R"({"a":1})"};
    EXPECT_EQ(client.Send(request)->status, 401);
    request.headers.Set("Authorization", "Bearer token");
    EXPECT_EQ(client.Send(request)->body, R"({"a":1})");
  });
}

TEST_F(HttpClient, SharesTheConnectionsOfAHost) {
  // A third connection would be answered with 503.
  ServerThread server({.connections_max = 2}, [this](Server& added) { AddRoutes(added); });
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.connections_per_host_max = 2});
    fiber::Event done;
    int finished = 0;
    for (int i = 0; i < 8; ++i) {
      loop.Spawn([&] {
        const auto answer = client.Send({.url = server.Url("/hello")});
        EXPECT_TRUE(answer.ok() && answer->status == 200) << (answer.ok() ? answer->body : answer.error().message);
        if (++finished == 8) {
          done.Set();
        }
      });
    }
    EXPECT_TRUE(done.WaitFor(10s));
  });
  EXPECT_EQ(calls_, 8);
}

TEST_F(HttpClient, GivesUpWaitingForAConnection) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.connections_per_host_max = 1});
    fiber::Event done;
    loop.Spawn([&] {
      EXPECT_TRUE(client.Send({.url = Url("/held")}).ok());
      done.Set();
    });
    EXPECT_TRUE(Within(10s, [&] { return calls_ == 1; }));
    const auto crowded = client.Send({.url = Url("/hello"), .timeout = 50ms});
    EXPECT_EQ(crowded.error().code, Errc::kTimeout);
    release_ = true;
    EXPECT_TRUE(done.WaitFor(10s));
  });
  EXPECT_EQ(calls_, 1);
}

TEST_F(HttpClient, CallsTheOutcomeUnknownWhenNoAnswerCameInTime) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    const auto answer = client.Send({.url = Url("/held?listenKey=secret"), .timeout = 1s});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::kUnknownOutcome);
    EXPECT_THAT(answer.error().message, HasSubstr("/held"));
    EXPECT_THAT(answer.error().message, testing::Not(HasSubstr("secret")));
  });
}

TEST_F(HttpClient, RetriesTransientAnswersOfIdempotentRequestsOnly) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.url = Url("/unready")})->status, 503);
    calls_ = 0;
    EXPECT_EQ(client.Send({.url = Url("/unready"), .idempotent = true})->status, 200);
    EXPECT_EQ(calls_, 3);
  });
}

TEST_F(HttpClient, HandsOutA429RatherThanWaitLongerThanItMay) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.url = Url("/busy"), .idempotent = true})->status, 429);
    EXPECT_EQ(calls_, 1);
  });
}

TEST_F(HttpClient, LimitsTheBody) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.body_bytes_max = 1000});
    EXPECT_EQ(client.Send({.url = Url("/large")}).error().code, Errc::kInternal);
  });
}

TEST_F(HttpClient, ReadsTheHeadOfAnAnswerWithoutItsBody) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.Send({.method = "HEAD", .url = Url("/hello")});
      ASSERT_TRUE(answer.ok());
      EXPECT_EQ(answer->body, "");
      EXPECT_EQ(answer->headers.Find("Content-Length"), "14");
    }
  });
}

TEST_F(HttpClient, ResolvesNames) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_TRUE(client.Send({.url = "http://localhost:" + std::to_string(server_.port()) + "/hello"}).ok());
  });
}

TEST(HttpClientFailures, RefusedConnectionIsUnavailable) {
  const ClosedPort closed;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    const auto answer =
        client.Send({.method = "POST", .url = "http://u:hunter2@127.0.0.1:" + std::to_string(closed.port())});
    EXPECT_EQ(answer.error().code, Errc::kUnavailable);
    EXPECT_THAT(answer.error().message, testing::Not(HasSubstr("hunter2")));
  });
}

TEST(HttpClientFailures, BadUrlsAreInvalidArguments) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.url = "ws://127.0.0.1/"}).error().code, Errc::kInvalidArgument);
    EXPECT_EQ(client.Send({.url = "nonsense"}).error().code, Errc::kInvalidArgument);
  });
}

TEST(HttpClientFailures, BreakerOpensAfterFailuresInARowAndClosesAgain) {
  ClosedPort closed;
  RunInFiber([&](fiber::Loop& loop) {
    ManualClock clock;
    Client client(loop, {.attempts_max = 1, .breaker_failures = 2, .breaker_cooldown = 2s}, SystemRandom(), clock);
    const std::string url = "http://127.0.0.1:" + std::to_string(closed.port()) + "/hello";
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(client.Send({.url = url}).error().message, HasSubstr("connecting"));
    }
    const auto refused = client.Send({.url = url});
    EXPECT_EQ(refused.error().code, Errc::kUnavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("circuit breaker"));
    closed.Free();
    Server back(loop, {.port = closed.port()});
    back.Route("GET", "/hello", [](const Request&) { return Json("{}"); });
    ASSERT_TRUE(back.Start().ok());
    clock.Advance(1999ms);
    EXPECT_FALSE(client.Send({.url = url}).ok()) << "the cooldown is not over";
    clock.Advance(1ms);
    EXPECT_TRUE(client.Send({.url = url}).ok());
    EXPECT_TRUE(client.Send({.url = url}).ok());
  });
}

void AnswerOnce(RawSocket& socket) {
  socket.ReceiveHead();
  socket.Send(kOk);
}

TEST(HttpClientStale, ConnectionThatThePeerHasClosedIsNotUsedEvenForAWrite) {
  ScriptedPeer peer({AnswerOnce, AnswerOnce});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_TRUE(client.Send({.method = "POST", .url = peer.Url("/")}).ok());
    EXPECT_TRUE(Within(10s, [&] { return peer.closed() == 1; }));  // its FIN has arrived: loopback is immediate
    EXPECT_TRUE(client.Send({.method = "POST", .url = peer.Url("/")}).ok());
  });
  EXPECT_EQ(peer.connections(), 2);
}

// The peer closes exactly when the next request arrives: the check before use cannot see it.
void AnswerThenResetOnTheNextRequest(RawSocket& socket) {
  AnswerOnce(socket);
  socket.ReceiveHead();
  socket.Reset();
}

TEST(HttpClientStale, ConnectionThatFailsBeforeAnyAnswerIsRetriedWhenIdempotent) {
  ScriptedPeer peer({AnswerThenResetOnTheNextRequest, AnswerOnce});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.attempts_max = 1});  // such a retry is free
    EXPECT_TRUE(client.Send({.url = peer.Url("/"), .idempotent = true}).ok());
    EXPECT_TRUE(client.Send({.url = peer.Url("/"), .idempotent = true}).ok());
  });
  EXPECT_EQ(peer.connections(), 2);
}

TEST(HttpClientStale, ConnectionThatFailsIsAnUnknownOutcomeOtherwise) {
  ScriptedPeer peer({AnswerThenResetOnTheNextRequest, AnswerOnce});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_TRUE(client.Send({.method = "POST", .url = peer.Url("/")}).ok());
    EXPECT_EQ(client.Send({.method = "POST", .url = peer.Url("/")}).error().code, Errc::kUnknownOutcome);
  });
  EXPECT_EQ(peer.connections(), 1) << "nothing was repeated";
}

struct Broken {
  const char* name;
  std::string answer;
  Errc code;
};
void PrintTo(const Broken& one, std::ostream* out) { *out << one.name; }
class BrokenAnswer : public testing::TestWithParam<Broken> {};
TEST_P(BrokenAnswer, IsToldApart) {
  ScriptedPeer peer({[](RawSocket& socket) {
    socket.ReceiveHead();
    socket.Send(GetParam().answer);
  }});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.method = "POST", .url = peer.Url("/")}).error().code, GetParam().code);
  });
}
INSTANTIATE_TEST_SUITE_P(HttpClient, BrokenAnswer,
                         testing::Values(Broken{"Nothing", "", Errc::kUnknownOutcome},
                                         Broken{"HalfAHeader", "HTTP/1.1 20", Errc::kUnknownOutcome},
                                         Broken{"HalfABody", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
                                                Errc::kUnknownOutcome},
                                         Broken{"Garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Errc::kInternal}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(HttpClientAnswers, SkipInterimOnes) {
  ScriptedPeer peer({[](RawSocket& socket) {
    socket.ReceiveHead();
    socket.Send(std::string("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") + kOk);
  }});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.url = peer.Url("/")})->body, "ok");
  });
}

TEST(HttpClientAnswers, MayBeChunkedOrEndWithTheConnection) {
  ScriptedPeer peer({[](RawSocket& socket) {
    socket.ReceiveHead();
    socket.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    socket.ReceiveHead();
    socket.Send("HTTP/1.1 200 OK\r\n\r\nto the end");
  }});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    EXPECT_EQ(client.Send({.url = peer.Url("/")})->body, "ok");
    EXPECT_EQ(client.Send({.url = peer.Url("/")})->body, "to the end");
  });
  EXPECT_EQ(peer.connections(), 1);
}

TEST_F(HttpClient, KeepsRetriesAShareOfTheRequests) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.retry_ratio = 0.0});
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(client.Send({.url = Url("/down"), .idempotent = true})->status, 503);
    }
  });
  EXPECT_EQ(calls_, 40) << "thirty requests and the ten retries that were saved up";
}

}  // namespace
}  // namespace quantum::http
