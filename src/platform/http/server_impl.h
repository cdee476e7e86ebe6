#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>

#include "platform/base/random.h"
#include "platform/fiber/await.h"
#include "platform/http/access.h"
#include "platform/http/route_metrics.h"
#include "platform/http/router.h"
#include "platform/http/server.h"

// Inside the server only. Heavy to include.
namespace quantum::http {

using Tcp = boost::asio::ip::tcp;
using TcpSocket = boost::asio::basic_stream_socket<Tcp, boost::asio::io_context::executor_type>;
using TcpAcceptor = boost::asio::basic_socket_acceptor<Tcp, boost::asio::io_context::executor_type>;

struct RouteEntry {
  Handler handler;
  RouteOptions options;
  RouteMetrics metrics;
  std::string pattern;
};

struct WebSocketEntry {
  WebSocketHandler handler;
  RouteMetrics metrics;
  std::string pattern;
};

class Connection;

// What the connections share, and the accepting of new ones.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(fiber::Loop& server_loop, ServerOptions server_options, const Clock& server_clock, Random& random);

  Status Start();
  bool Drain(Duration timeout);
  void Stop();

  // What a request of the loop's thread sees.
  RouteEntry* entry(const Router::Match& match);  // null when nothing matched
  std::string NewCorrelationId();
  const std::string& Date(SteadyTime now);  // formatted once a second

  fiber::Loop& loop;
  const Clock& clock;
  const ServerOptions options;
  const Access access;
  Router router;
  Router websocket_router;
  std::deque<RouteEntry> routes;
  std::deque<WebSocketEntry> websockets;
  RouteMetrics unmatched{"OTHER", "unmatched"};
  fiber::Gate gate;  // requests in flight, `always` routes excepted
  bool draining = false;
  std::unordered_set<Connection*> connections;
  int port = 0;

 private:
  void Accept(TcpAcceptor& acceptor);
  void Serve(TcpSocket socket);
  void RefuseConnection(TcpSocket socket);

  std::shared_ptr<TcpAcceptor> acceptor_;  // belongs to the loop's thread once Start has returned
  bool stopped_ = false;
  SeededRandom random_;
  SteadyTime date_until_{};
  std::string date_;
};

}  // namespace quantum::http
