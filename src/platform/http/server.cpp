#include "platform/http/server.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/http/connection.h"
#include "platform/http/server_impl.h"
#include "platform/http/wire.h"
#include "platform/log/log.h"

namespace quantum::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int kBacklog = 1024;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr size_t kRefusedBytesRead = 64 * 1024;  // of a request that a refused connection has sent already

}  // namespace

class Server::Impl final : public ServerCore {
 public:
  using ServerCore::ServerCore;
};

Server::Server(fiber::Loop& loop, ServerOptions options, const Clock& clock, Random& random)
    : impl_(std::make_shared<Impl>(loop, std::move(options), clock, random)) {}
Server::~Server() { Stop(); }

void Server::Route(std::string method, std::string pattern, Handler handler, RouteOptions options) {
  options.exchange = options.exchange && impl_->options.exchange_protocol;
  options.auth = impl_->access.Required(method, options);
  impl_->router.Add(method, pattern, impl_->routes.size());
  impl_->routes.emplace_back(std::move(handler), options, RouteMetrics(method, pattern), pattern);
}

void Server::WebSocket(std::string pattern, WebSocketHandler handler) {
  impl_->websocket_router.Add("GET", pattern, impl_->websockets.size());
  impl_->websockets.emplace_back(std::move(handler), RouteMetrics("GET", pattern), pattern);
}

Status Server::Start() { return impl_->Start(); }
int Server::port() const { return impl_->port; }

bool Server::Drain(Duration timeout) {
  return fiber::RunOn(impl_->loop, [impl = impl_, timeout] { return impl->Drain(timeout); });
}

void Server::Stop() {
  if (impl_->loop.RunsInThisThread()) {
    impl_->Stop();
  } else {
    impl_->loop.Post([impl = impl_] { impl->Stop(); });
  }
}

ServerCore::ServerCore(fiber::Loop& server_loop, ServerOptions server_options, const Clock& server_clock,
                       Random& random)
    : loop(server_loop),
      clock(server_clock),
      options(std::move(server_options)),
      access(options),
      random_(random.Next()) {}

Status ServerCore::Start() {
  QUANTUM_ASSERT(acceptor_ == nullptr);
  error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) {
    return Error{Errc::kInvalidArgument, fmt::format("listening on '{}': not an IP address", options.address)};
  }
  if (options.port < 0 || options.port > 65535) {
    return Error{Errc::kInvalidArgument, fmt::format("listening on port {}: not a port", options.port)};
  }
  const Tcp::endpoint endpoint(address, static_cast<asio::ip::port_type>(options.port));
  auto acceptor = std::make_shared<TcpAcceptor>(loop.context().get_executor());
  const auto failed = [&](std::string_view step) {
    const bool in_use = error == asio::error::address_in_use;
    return Error{in_use ? Errc::kConflict : Errc::kUnavailable,
                 fmt::format("listening on {} port {}: {}: {}{}", options.address, options.port, step, error.message(),
                             in_use ? "; another process holds this port" : "")};
  };
  acceptor->open(endpoint.protocol(), error);
  if (error) {
    return failed("opening a socket");
  }
  acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (error) {
    return failed("setting SO_REUSEADDR");
  }
  acceptor->bind(endpoint, error);
  if (error) {
    return failed("binding");
  }
  acceptor->listen(kBacklog, error);
  if (error) {
    return failed("listening");
  }
  port = acceptor->local_endpoint(error).port();
  acceptor_ = acceptor;
  loop.Spawn([self = shared_from_this(), acceptor] { self->Accept(*acceptor); });
  return {};
}

void ServerCore::Accept(TcpAcceptor& acceptor) {
  while (acceptor.is_open()) {
    TcpSocket socket(loop.context().get_executor());
    error_code error;
    fiber::Await([&](fiber::Yield& yield) { acceptor.async_accept(socket, yield[error]); });
    if (error == asio::error::operation_aborted || stopped_) {
      return;
    }
    if (error) {
      // Out of descriptors, or a peer that is gone already: neither ends the server.
      log::Warning("accepting a connection failed", {{"port", port}, {"error", error.message()}});
      fiber::SleepFor(kAcceptPause);
      continue;
    }
    if (connections.size() >= options.connections_max) {
      RefuseConnection(std::move(socket));
      continue;
    }
    Serve(std::move(socket));
  }
}

void ServerCore::Serve(TcpSocket socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(Tcp::no_delay(true), ignored);
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connections.insert(connection.get());
  loop.Spawn([connection = std::move(connection)] { connection->Serve(); });
}

void ServerCore::RefuseConnection(TcpSocket socket) {
  const CorrelationScope scope(NewCorrelationId());
  Response response =
      Problem(503, "TOO_MANY_CONNECTIONS", "this service serves as many connections as it may: try again");
  response.headers.Set("Retry-After", "1");
  std::string bytes;
  AppendResponseHead(
      bytes, response,
      {.correlation_id = options.exchange_protocol ? std::string_view() : std::string_view(CurrentCorrelationId()),
       .date = Date(clock.Steady()),
       .close = true});
  bytes += response.body;
  error_code ignored;
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
  // Closing with a request unread would reset the connection, and the peer might lose the answer.
  std::array<char, 4096> dropped;
  error_code error;
  for (size_t read = 0; read < kRefusedBytesRead && !error;) {
    read += socket.read_some(asio::buffer(dropped), error);
  }
}

bool ServerCore::Drain(Duration timeout) {
  draining = true;
  if (acceptor_ != nullptr) {
    // What the kernel has accepted already may hold a request: it gets its answer, where close() would reset it.
    error_code error;
    acceptor_->non_blocking(true, error);
    while (!error) {
      TcpSocket socket(loop.context().get_executor());
      acceptor_->accept(socket, error);
      if (!error) {
        Serve(std::move(socket));
      }
    }
    if (acceptor_->is_open() && error != asio::error::would_block) {
      log::Warning("connections that waited to be accepted are reset; is the limit of open files too low?",
                   {{"port", port}, {"error", error.message()}});
    }
    error_code ignored;
    acceptor_->close(ignored);
  }
  gate.Close();
  return gate.WaitEmptyFor(timeout);
}

void ServerCore::Stop() {
  stopped_ = true;
  draining = true;
  gate.Close();
  if (acceptor_ != nullptr) {
    error_code ignored;
    acceptor_->close(ignored);
    acceptor_ = nullptr;
  }
  for (Connection* connection : connections) {
    connection->Abort();
  }
}

RouteEntry* ServerCore::entry(const Router::Match& match) { return match.route ? &routes[*match.route] : nullptr; }

std::string ServerCore::NewCorrelationId() { return NewUuid(clock, random_); }

const std::string& ServerCore::Date(SteadyTime now) {
  if (now >= date_until_) {
    const WallTime wall = clock.Now();
    date_ = FormatHttpDate(wall);
    date_until_ = now + (std::chrono::floor<std::chrono::seconds>(wall) + std::chrono::seconds(1) - wall);
  }
  return date_;
}

}  // namespace quantum::http
