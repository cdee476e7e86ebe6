// What a request is asked when a connection is in hand: it is written as the answer leaves it, or not at all.
#include <gmock/gmock.h>

#include "platform/http/client.h"
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

class HttpBeforeWrite : public testing::Test {
 protected:
  void AddRoutes(Server& server) {
    server.Route("GET", "/held", [this](const Request&) {
      ++calls_;
      while (!release_) {
        fiber::SleepFor(5ms);
      }
      return Json("{}");
    });
    server.Route("POST", "/echo", [this](const Request& request) {
      ++calls_;
      return Json(request.Query("signed").value_or("") + request.body);
    });
  }
  ClientRequest Echo() const {
    ClientRequest request{.method = "POST", .url = server_.Url("/echo"), .body = "before"};
    request.headers.Set("Authorization", "Bearer token");
    return request;
  }

  std::atomic<int> calls_{0};
  std::atomic<bool> release_{false};  // what /held waits for
  ServerThread server_{{.operator_token = "token"}, [this](Server& server) { AddRoutes(server); }};
};

TEST_F(HttpBeforeWrite, IsAskedOnceAConnectionIsInHandAndWhatItLeavesIsSent) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.connections_per_host_max = 1});
    fiber::Event held;
    loop.Spawn([&] {
      EXPECT_TRUE(client.Send({.url = server_.Url("/held")}).ok());
      held.Set();
    });
    EXPECT_TRUE(Within(10s, [&] { return calls_ == 1; }));
    int asked = 0;
    fiber::Event answered;
    loop.Spawn([&] {
      ClientRequest request = Echo();
      request.before_write = [&](ClientRequest& out) -> Status {
        ++asked;
        EXPECT_TRUE(release_) << "it waits for a place still";
        out.url += "?signed=now+";
        out.body = "after";
        return {};
      };
      const auto answer = client.Send(request);
      EXPECT_EQ(answer.ok() ? answer->body : answer.error().message, "now after");
      EXPECT_EQ(request.body, "before");
      answered.Set();
    });
    EXPECT_EQ(asked, 0);
    release_ = true;
    EXPECT_TRUE(held.WaitFor(10s));
    EXPECT_TRUE(answered.WaitFor(10s));
    EXPECT_EQ(asked, 1);
  });
}

TEST_F(HttpBeforeWrite, ARefusalSendsNothingIsAnsweredInItsOwnWordsAndKeepsTheConnection) {
  ScriptedPeer peer({[](RawSocket& socket) {
    EXPECT_THAT(socket.ReceiveHead(), HasSubstr("GET /second"));
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    int asked = 0;
    ClientRequest request{.url = peer.Url("/first"), .idempotent = true};
    request.before_write = [&](ClientRequest&) -> Status {
      ++asked;
      return Error{Errc::kConflict, "NOT_LEADER: the lease has ended"};
    };
    const auto refused = client.Send(request);
    EXPECT_EQ(refused.error().code, Errc::kConflict);
    EXPECT_EQ(refused.error().message, "NOT_LEADER: the lease has ended");
    EXPECT_EQ(asked, 1) << "what is refused is not tried again";
    EXPECT_TRUE(client.Send({.url = peer.Url("/second")}).ok());
  });
  EXPECT_EQ(peer.connections(), 1);
}

TEST_F(HttpBeforeWrite, IsNotAskedWithoutAConnection) {
  const ClosedPort closed;
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    ClientRequest request{.method = "POST", .url = "http://127.0.0.1:" + std::to_string(closed.port()) + "/"};
    request.before_write = [](ClientRequest&) -> Status {
      ADD_FAILURE() << "there is no connection";
      return {};
    };
    EXPECT_EQ(client.Send(request).error().code, Errc::kUnavailable);
  });
}

TEST_F(HttpBeforeWrite, IsAskedAgainBeforeASecondAttempt) {
  ScriptedPeer peer({[](RawSocket& socket) {
                       socket.ReceiveHead();
                       socket.Send("HTTP/1.1 503 Later\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n");
                     },
                     [](RawSocket& socket) {
                       EXPECT_THAT(socket.ReceiveHead(), HasSubstr("GET /?attempt=2 "));
                       socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                     }});
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    int asked = 0;
    ClientRequest request{.url = peer.Url("/"), .idempotent = true};
    request.before_write = [&](ClientRequest& out) -> Status {
      out.url += "?attempt=" + std::to_string(++asked);
      return {};
    };
    EXPECT_EQ(client.Send(request)->status, 200);
    EXPECT_EQ(asked, 2);
  });
}

TEST_F(HttpBeforeWrite, MayNotSendElsewhereNorWhatHttpForbids) {
  RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    const auto code = [&](const std::function<void(ClientRequest&)>& change) {
      ClientRequest request = Echo();
      request.before_write = [&](ClientRequest& out) -> Status {
        change(out);
        return {};
      };
      const auto answer = client.Send(request);
      return answer.ok() ? "sent" : std::string(ToString(answer.error().code));
    };
    EXPECT_EQ(code([](ClientRequest&) {}), "sent");
    const std::string invalid(ToString(Errc::kInvalidArgument));
    EXPECT_EQ(code([](ClientRequest& out) { out.url = "http://127.0.0.2:1/echo"; }), invalid);
    EXPECT_EQ(code([](ClientRequest& out) { out.method = "PUT"; }), invalid);
    EXPECT_EQ(code([](ClientRequest& out) { out.headers.Set("X-A", "b\r\nX-C: d"); }), invalid);
  });
  EXPECT_EQ(calls_, 1);
}

}  // namespace
}  // namespace quantum::http
