#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/context/detail/exception.hpp>

#include "platform/http/connection.h"
#include "platform/http/websocket_channel.h"
#include "platform/log/log.h"

// The server's side of WebSocket: the handshake on a connection that was HTTP so far, and the session for the handler.
namespace quantum::http {
namespace {

namespace beast = boost::beast;
using Channel = WebSocketChannel<TcpSocket>;

class Session final : public WebSocketSession {
 public:
  explicit Session(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

  Result<std::string> Read() override {
    for (;;) {
      auto message = channel_->Read(std::chrono::hours(1));
      if (message || message.error().code != Errc::kTimeout) {
        return message;
      }
    }
  }
  Status Write(std::string_view text) override { return channel_->Write(text); }
  void Close() override { channel_->Close(); }
  void Abort() override { channel_->Abort(); }

 private:
  std::shared_ptr<Channel> channel_;
};

beast::http::request<beast::http::string_body> ForBeast(const Request& request) {
  beast::http::request<beast::http::string_body> converted;
  converted.method(beast::http::verb::get);
  converted.target(request.target);
  converted.version(11);
  for (const auto& [name, value] : request.headers.all()) {
    converted.insert(name, value);
  }
  return converted;
}

void RunHandler(const WebSocketEntry& entry, const Request& request, WebSocketSession& session) {
  std::string failure;
  try {
    entry.handler(request, session);
    return;
  } catch (const boost::context::detail::forced_unwind&) {
    throw;
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "an exception that is not a std::exception";
  }
  log::Error("a WebSocket handler threw", {{"endpoint", entry.pattern}, {"error", failure}});
}

}  // namespace

Connection::Next Connection::ServeWebSocket(WebSocketEntry& entry) {
  const InProgress in_progress(entry.metrics);
  if (const auto refused = server_->access.RefuseWebSocket(request_)) {
    return Finish(entry.metrics, entry.pattern, *refused, DropBufferedBody());
  }
  if (server_->draining) {
    return Finish(entry.metrics, entry.pattern, Draining(), false);
  }
  if (!DropBufferedBody() || input_.size() > 0) {
    // RFC 6455, 4.1: the client waits for our answer before it sends anything.
    return Refuse(400, "MALFORMED", "a WebSocket handshake has no body and nothing after it");
  }
  const ServerOptions& options = server_->options;
  auto channel = std::make_shared<Channel>(server_->loop, server_->clock,
                                           WebSocketLimits{.idle_timeout = options.websocket_idle_timeout,
                                                           .write_timeout = options.websocket_write_timeout,
                                                           .message_bytes_max = options.body_bytes_max},
                                           std::move(socket_));
  abort_websocket_ = [channel] { channel->Abort(); };
  channel->stream().set_option(beast::websocket::stream_base::decorator(
      [id = options.exchange_protocol ? std::string()
                                      : request_.correlation_id](beast::websocket::response_type& answer) {
        if (!id.empty()) {
          answer.set("X-Correlation-ID", id);
        }
      }));
  beast::error_code error;
  const auto handshake = ForBeast(request_);
  fiber::Await([&](fiber::Yield& yield) { return channel->stream().async_accept(handshake, yield[error]); });
  entry.metrics.Answered(request_.method, error ? 400 : 101, Now() - received_);
  if (!error) {
    channel->StartReading();
    Session session(channel);
    RunHandler(entry, request_, session);
    channel->Close();
  }
  abort_websocket_ = nullptr;
  return Next::kClose;
}

}  // namespace quantum::http
