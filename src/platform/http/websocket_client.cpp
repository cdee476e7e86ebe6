#include <fmt/format.h>

#include <boost/beast/websocket/ssl.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/http/client.h"
#include "platform/http/client_connection.h"
#include "platform/http/websocket_channel.h"

namespace quantum::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

// The one thing that differs between ws and wss, behind a virtual call.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Status Handshake(const Url& url, SteadyTime until) = 0;
  virtual Result<std::string> Read(Duration timeout) = 0;
  virtual Status Write(std::string_view text) = 0;
  virtual void Close() = 0;
  virtual void Abort() = 0;
};

Status HandshakeFailure(const LazyDeadline& deadline, const Url& url, std::string_view step,
                        const std::string& reason) {
  return Error{deadline.expired() ? Errc::kTimeout : Errc::kUnavailable,
               fmt::format("{} with {}: {}", step, url.Shown(), deadline.expired() ? "no answer in time" : reason)};
}

template <class Channel>
Status UpgradeToWebSocket(Channel& channel, LazyDeadline& deadline, const Url& url) {
  const std::string id = CurrentCorrelationId().empty() ? NewUuid() : CurrentCorrelationId();
  channel.stream().set_option(beast::websocket::stream_base::decorator([&id](beast::websocket::request_type& request) {
    request.set("X-Correlation-ID", id);
    request.set(beast::http::field::user_agent, "quantum-trader");
  }));
  boost::system::error_code error;
  beast::websocket::response_type answer;
  fiber::Await([&](fiber::Yield& yield) {
    return channel.stream().async_handshake(answer, url.authority, url.target, yield[error]);
  });
  if (error) {
    std::string reason = error.message();
    if (error == beast::websocket::error::upgrade_declined) {
      reason = fmt::format("the server answered {} instead of upgrading", answer.result_int());
    }
    return HandshakeFailure(deadline, url, "WebSocket handshake", reason);
  }
  return {};
}

template <class Next>
class ChannelTransport final : public Transport {
 public:
  ChannelTransport(fiber::Loop& loop, const Clock& clock, ClientSocket socket, std::shared_ptr<TlsContext> tls)
      : loop_(loop), clock_(clock), tls_(std::move(tls)), channel_(Make(loop, clock, std::move(socket), tls_.get())) {}

  Status Handshake(const Url& url, SteadyTime until) override {
    const auto deadline =
        LazyDeadline::Make(loop_.context().get_executor(), clock_, [channel = channel_] { channel->Abort(); });
    struct Closing {
      LazyDeadline& deadline;
      ~Closing() { deadline.Close(); }
    } closing{*deadline};
    deadline->Arm(until);
    if constexpr (!std::is_same_v<Next, ClientSocket>) {
      QUANTUM_CHECK(HandshakeTls(*deadline, url));
    }
    QUANTUM_CHECK(UpgradeToWebSocket(*channel_, *deadline, url));
    deadline->Disarm();
    channel_->StartReading();
    return {};
  }
  Result<std::string> Read(Duration timeout) override { return channel_->Read(timeout); }
  Status Write(std::string_view text) override { return channel_->Write(text); }
  void Close() override { channel_->Close(); }
  void Abort() override { channel_->Abort(); }

 private:
  using Channel = WebSocketChannel<Next>;

  static std::shared_ptr<Channel> Make(fiber::Loop& loop, const Clock& clock, ClientSocket socket, TlsContext* tls) {
    if constexpr (std::is_same_v<Next, ClientSocket>) {
      return std::make_shared<Channel>(loop, clock, WebSocketLimits(), std::move(socket));
    } else {
      return std::make_shared<Channel>(loop, clock, WebSocketLimits(), std::move(socket), *tls);
    }
  }

  Status HandshakeTls(LazyDeadline& deadline, const Url& url) {
    auto& stream = channel_->stream().next_layer();
    QUANTUM_CHECK(PrepareTls(stream.native_handle(), url));
    boost::system::error_code error;
    fiber::Await([&](fiber::Yield& yield) { stream.async_handshake(asio::ssl::stream_base::client, yield[error]); });
    return error ? HandshakeFailure(deadline, url, "TLS", TlsFailure(stream.native_handle(), error)) : Status();
  }

  fiber::Loop& loop_;
  const Clock& clock_;
  std::shared_ptr<TlsContext> tls_;  // outlives the stream that uses it
  std::shared_ptr<Channel> channel_;
};

}  // namespace

class WebSocketClient::Impl {
 public:
  Impl(fiber::Loop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}
  ~Impl() {
    if (transport_ != nullptr) {
      transport_->Abort();
    }
  }

  Status Connect(const std::string& url_text, Duration timeout) {
    if (transport_ != nullptr) {
      std::exchange(transport_, nullptr)->Abort();
    }
    QUANTUM_TRY(const Url url, ParseUrl(url_text));
    if (url.scheme != "ws" && url.scheme != "wss") {
      return Error{Errc::kInvalidArgument, "a WebSocket needs a ws or wss URL, not " + url.scheme};
    }
    const SteadyTime until = clock_.Steady() + timeout;
    ClientSocket socket(loop_.context().get_executor());
    QUANTUM_CHECK(ConnectSocket(loop_, socket, url, until, clock_));
    std::shared_ptr<Transport> transport;
    if (url.secure()) {
      transport = std::make_shared<ChannelTransport<asio::ssl::stream<ClientSocket>>>(loop_, clock_, std::move(socket),
                                                                                      MakeTlsContext());
    } else {
      transport = std::make_shared<ChannelTransport<ClientSocket>>(loop_, clock_, std::move(socket), nullptr);
    }
    QUANTUM_CHECK(transport->Handshake(url, until));
    transport_ = std::move(transport);
    return {};
  }

  Result<std::string_view> Read(Duration timeout) {
    const auto transport = transport_;
    if (transport == nullptr) {
      return Error{Errc::kUnavailable, "the WebSocket is not connected"};
    }
    QUANTUM_TRY(message_, transport->Read(timeout));
    return std::string_view(message_);
  }

  Status Write(std::string_view text) {
    const auto transport = transport_;
    return transport ? transport->Write(text) : Error{Errc::kUnavailable, "the WebSocket is not connected"};
  }

  void Close() {
    if (const auto transport = std::exchange(transport_, nullptr)) {
      transport->Close();
    }
  }

 private:
  fiber::Loop& loop_;
  const Clock& clock_;
  std::shared_ptr<Transport> transport_;
  std::string message_;
};

WebSocketClient::WebSocketClient(fiber::Loop& loop, const Clock& clock) : impl_(std::make_shared<Impl>(loop, clock)) {}
WebSocketClient::~WebSocketClient() = default;

Status WebSocketClient::Connect(const std::string& url, Duration timeout) {
  const auto impl = impl_;
  return impl->Connect(url, timeout);
}

Result<std::string_view> WebSocketClient::Read(Duration timeout) {
  const auto impl = impl_;
  return impl->Read(timeout);
}

Status WebSocketClient::Write(std::string_view text) {
  const auto impl = impl_;
  return impl->Write(text);
}

void WebSocketClient::Close() {
  const auto impl = impl_;
  impl->Close();
}

}  // namespace quantum::http
