#include <fmt/format.h>
#include <gmock/gmock.h>

#include <ostream>

#include "platform/base/correlation.h"
#include "platform/http/client.h"
#include "platform/http/server.h"
#include "platform/http/test_peers.h"

namespace quantum::http {
namespace {

using namespace std::chrono_literals;
using test::RawSocket;
using test::RunInFiber;
using test::ServerThread;
using test::Within;

constexpr const char* kUpgrade =
    "GET /echo HTTP/1.1\r\nHost: localhost:80\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

class WebSockets : public testing::Test {
 protected:
  static ServerOptions Options(Duration idle, Duration write) {
    ServerOptions options;
    options.allowed_origins = {"http://console.local"};
    options.websocket_idle_timeout = idle;
    options.websocket_write_timeout = write;
    return options;
  }
  explicit WebSockets(const ServerOptions& options = Options(2s, 5s))
      : server_(options, [this](Server& server) { AddRoutes(server); }) {}
  void AddRoutes(Server& server) {
    server.WebSocket("/echo", [](const Request&, WebSocketSession& session) {
      for (;;) {
        const auto message = session.Read();
        if (!message || !session.Write("echo " + *message).ok()) {
          return;
        }
      }
    });
    server.WebSocket("/stream/{symbol}", [](const Request& request, WebSocketSession& session) {
      for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(session.Write(request.Parameter("symbol") + std::to_string(i)).ok());
      }
    });
    server.WebSocket("/abort", [](const Request&, WebSocketSession& session) { session.Abort(); });
    server.WebSocket("/flood", [this](const Request&, WebSocketSession& session) {
      const std::string text(100'000, 'x');
      for (;;) {
        const Status written = session.Write(text);
        if (!written.ok()) {
          flood_ended_ = static_cast<int>(written.error().code);
          return;
        }
      }
    });
    server.WebSocket("/deaf", [this](const Request&, WebSocketSession& session) {
      Status written;
      while (written.ok()) {
        fiber::SleepFor(5ms);
        written = session.Write("tick");
      }
      deaf_ended_ = static_cast<int>(written.error().code);
    });
    server.WebSocket("/throws", [](const Request&, WebSocketSession&) { throw std::runtime_error("no"); });
  }
  std::string Url(std::string_view path) const { return fmt::format("ws://127.0.0.1:{}{}", server_.port(), path); }
  static int WaitFor(const std::atomic<int>& value) {
    Within(10s, [&] { return value >= 0; });
    return value;
  }

  std::atomic<int> flood_ended_{-1};
  std::atomic<int> deaf_ended_{-1};
  ServerThread server_;
};

// For what the server drops.
class ImpatientWebSockets : public WebSockets {
 protected:
  ImpatientWebSockets() : WebSockets(Options(400ms, 200ms)) {}
};

TEST_F(WebSockets, CarryMessagesBothWays) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/echo"), 5s).ok());
    for (const std::string& text : {std::string("one"), std::string(), std::string(200'000, 'y')}) {
      ASSERT_TRUE(client.Write(text).ok());
      const auto answer = client.Read(5s);
      ASSERT_TRUE(answer.ok());
      EXPECT_EQ(*answer, "echo " + text);
    }
    client.Close();
    EXPECT_EQ(client.Read(1s).error().code, Errc::kUnavailable);
  });
}

TEST_F(WebSockets, ReadTimesOutAndGoesOn) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/echo"), 5s).ok());
    EXPECT_EQ(client.Read(20ms).error().code, Errc::kTimeout);
    ASSERT_TRUE(client.Write("late").ok());
    EXPECT_EQ(*client.Read(5s), "echo late");
  });
}

TEST_F(WebSockets, DeliverEverythingBeforeTheirEnd) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/stream/BTC"), 5s).ok());
    for (int i = 0; i < 3; ++i) {
      const auto message = client.Read(5s);
      ASSERT_TRUE(message.ok());
      EXPECT_EQ(*message, "BTC" + std::to_string(i));
    }
    EXPECT_EQ(client.Read(5s).error().code, Errc::kUnavailable);
    EXPECT_EQ(client.Write("x").error().code, Errc::kUnavailable);
  });
}

TEST_F(WebSockets, CanBeAbortedWithoutAHandshake) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/abort"), 5s).ok());
    EXPECT_EQ(client.Read(5s).error().code, Errc::kUnavailable);
  });
}

TEST_F(WebSockets, StayOpenWhileIdleBecausePingsAreAnswered) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/echo"), 5s).ok());
    EXPECT_EQ(client.Read(5s).error().code, Errc::kTimeout);  // more than twice the server's idle timeout
    ASSERT_TRUE(client.Write("alive").ok());
    EXPECT_EQ(*client.Read(5s), "echo alive");
  });
}

TEST_F(ImpatientWebSockets, DropAPeerThatAnswersNoPing) {
  const SteadyTime start = SystemClock().Steady();
  RawSocket socket(server_.port());
  socket.Send(std::string(kUpgrade) + "\r\n");
  EXPECT_EQ(socket.Receive().status, 101);
  EXPECT_EQ(socket.ReceiveHead(), "");  // nothing but frames, then the end, long before this socket's own patience
  EXPECT_LT(SystemClock().Steady() - start, 5s);
}

TEST_F(ImpatientWebSockets, TakeASlowReaderForATimeoutAndUseNoMemory) {
  RawSocket socket(server_.port());
  socket.LimitReceiveBuffer(4096);
  std::string upgrade(kUpgrade);
  upgrade.replace(upgrade.find("/echo"), 5, "/flood");
  socket.Send(upgrade + "\r\n");
  EXPECT_EQ(WaitFor(flood_ended_), static_cast<int>(Errc::kTimeout));
}

TEST_F(WebSockets, WriterLearnsThatThePeerIsGoneWithoutReading) {
  {
    RawSocket socket(server_.port());
    std::string upgrade(kUpgrade);
    upgrade.replace(upgrade.find("/echo"), 5, "/deaf");
    socket.Send(upgrade + "\r\n");
    EXPECT_EQ(socket.Receive().status, 101);
  }
  EXPECT_EQ(WaitFor(deaf_ended_), static_cast<int>(Errc::kUnavailable));
}

TEST_F(WebSockets, HandlerThatThrowsEndsItsConnectionOnly) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/throws"), 5s).ok());
    EXPECT_EQ(client.Read(5s).error().code, Errc::kUnavailable);
    ASSERT_TRUE(client.Connect(Url("/echo"), 5s).ok());
    ASSERT_TRUE(client.Write("still here").ok());
    EXPECT_EQ(*client.Read(5s), "echo still here");
  });
}

TEST_F(WebSockets, StopBreaksThemOff) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    ASSERT_TRUE(client.Connect(Url("/echo"), 5s).ok());
    server_.server().Stop();
    EXPECT_EQ(client.Read(5s).error().code, Errc::kUnavailable);
  });
}

struct Handshake {
  const char* name;
  std::string more;
  int status;
};
void PrintTo(const Handshake& one, std::ostream* out) { *out << one.name; }
class WebSocketHandshake : public WebSockets, public testing::WithParamInterface<Handshake> {};
TEST_P(WebSocketHandshake, IsJudged) {
  RawSocket socket(server_.port());
  socket.Send(kUpgrade + GetParam().more + "\r\n");
  EXPECT_EQ(socket.Receive().status, GetParam().status);
}
INSTANTIATE_TEST_SUITE_P(WebSockets, WebSocketHandshake,
                         testing::Values(Handshake{"NoOrigin", "", 101},
                                         Handshake{"AllowedOrigin", "Origin: http://console.local\r\n", 101},
                                         Handshake{"OwnPage", "Origin: http://localhost:80\r\n", 101},
                                         Handshake{"ForeignOrigin", "Origin: https://evil.example\r\n", 403},
                                         Handshake{"Body", "Content-Length: 5\r\n", 400}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST_F(WebSockets, PlainGetOnTheirPathIs426) {
  RawSocket socket(server_.port());
  socket.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(socket.Receive().status, 426);
}

TEST_F(WebSockets, ClientSaysWhyItCouldNotConnect) {
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    const Status declined = client.Connect(Url("/nowhere"), 5s);
    EXPECT_EQ(declined.error().code, Errc::kUnavailable);
    EXPECT_THAT(declined.error().message, testing::HasSubstr("404"));
    EXPECT_EQ(client.Connect("http://127.0.0.1/", 1s).error().code, Errc::kInvalidArgument);
    const test::ClosedPort closed;
    EXPECT_EQ(client.Connect(fmt::format("ws://127.0.0.1:{}/", closed.port()), 5s).error().code, Errc::kUnavailable);
    EXPECT_EQ(client.Read(1s).error().code, Errc::kUnavailable);
  });
}

TEST(WebSocketClientHandshake, TimesOutWhenTheServerIsSilent) {
  test::ScriptedPeer silent({[](RawSocket& socket) {
    socket.ReceiveHead();
    socket.ClosedByPeer();
  }});
  RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    const Status status = client.Connect(fmt::format("ws://127.0.0.1:{}/", silent.port()), 100ms);
    EXPECT_EQ(status.error().code, Errc::kTimeout);
  });
}

}  // namespace
}  // namespace quantum::http
