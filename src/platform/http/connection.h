#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/http/lazy_deadline.h"
#include "platform/http/request_parser.h"
#include "platform/http/server_impl.h"
#include "platform/http/wire.h"

namespace quantum::http {

// One connection of the server, served by one fiber: reads a request, judges it, lets the route answer, writes, again.
class Connection {
 public:
  Connection(std::shared_ptr<ServerCore> server, TcpSocket socket);
  ~Connection();

  void Serve();
  // Breaks the connection off; the fiber ends by itself. From the loop's thread.
  void Abort();

 private:
  static constexpr size_t kBodyReadBytes = 64 * 1024;
  SteadyTime Now() const { return server_->clock.Steady(); }

  enum class Input { kOk, kClosed, kTimedOut };
  enum class Next { kRequest, kClose, kLinger };

  Next ServeRequest();
  Next ServeWebSocket(WebSocketEntry& entry);

  // These read until the header or the body is there. A value: the connection goes on like that instead.
  std::optional<Next> ReadHeader();
  std::optional<Next> ReadBody();
  std::optional<Next> ReadMoreOrRefuse(size_t bytes);
  Input ReadMore(SteadyTime deadline, size_t bytes);
  std::optional<Next> Put();
  void DropLeadingNewlines();
  // Whether the whole of a body that nobody wants is here already, so that the connection can go on after a refusal.
  bool DropBufferedBody();

  void TakeCorrelationId();
  Response Answer(const RouteEntry& route);
  // Writes the answer. `complete`: the whole request has been read.
  Next Finish(RouteMetrics& metrics, std::string_view endpoint, const Response& response, bool complete);
  static Response Draining();  // for requests that come too late, with the time to come back
  Next FinishUnmatched(const Router::Match& match, std::string_view raw_path);
  Next Refuse(int status, std::string_view code, std::string_view detail);
  bool WriteAll(std::string_view head, std::string_view body);
  // Reads and drops what the peer still sends, so that the answer is not lost to a reset.
  void Linger();
  void Log(std::string_view endpoint, const Response& response, Duration duration) const;

  std::shared_ptr<ServerCore> server_;
  TcpSocket socket_;
  std::shared_ptr<LazyDeadline> deadline_;
  std::string remote_address_;
  boost::beast::flat_buffer input_;
  std::string output_;
  Request request_;
  std::optional<RequestParser> parser_;
  SteadyTime now_{};             // of the last look at the clock
  SteadyTime read_by_{};         // this request's deadline
  SteadyTime received_{};        // when it had been read
  bool exchange_route_ = false;  // the request is for an endpoint of the exchange's own protocol
  std::function<void()> abort_websocket_;
};

}  // namespace quantum::http
