#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/fiber/fiber.h"
#include "platform/http/message.h"

// HTTP/1.1 and WebSocket server: one fiber a connection. Middleware on every request: correlation id, in-flight gate,
// authentication, metrics, access log (DEBUG; WARNING from 500 on), problem details for every error.
namespace quantum::http {

enum class Auth {
  kOpen,      // GET and other reads
  kToken,     // the operator's or the service's bearer token, application/json, allowed Host and Origin
  kOperator,  // the operator's bearer token only (and the rest of kToken)
};

using Handler = std::function<Response(const Request&)>;  // runs in a fiber; may suspend; exceptions become 500

struct RouteOptions {
  Auth auth = Auth::kOpen;
  // Where the handler runs. Null: on the server's own loop. Give the service's main loop for handlers that touch the
  // service's state, so that they need no locks.
  fiber::Loop* loop = nullptr;
  // Answered even while draining (health, metrics, admin).
  bool always = false;
  // An endpoint of the exchange's own protocol: it signs its requests, so that no token, Host, Origin or content type
  // is asked for, and X-Correlation-ID is read but not answered. Only where ServerOptions::exchange_protocol allows it.
  bool exchange = false;
};

// A WebSocket connection on the server's side. Read and Write may be called by two different fibers of the loop.
class WebSocketSession {
 public:
  virtual ~WebSocketSession() = default;
  // The next text message; kUnavailable when the peer is gone.
  virtual Result<std::string> Read() = 0;
  // Sends a text message. One writer at a time. kUnavailable when the peer is gone, kTimeout when it does not read.
  virtual Status Write(std::string_view text) = 0;
  virtual void Close() = 0;
  // For fault injection: drops the connection without a closing handshake.
  virtual void Abort() = 0;
};
using WebSocketHandler = std::function<void(const Request&, WebSocketSession&)>;  // runs on the server's loop

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: any free port, see Server::port()
  size_t header_bytes_max = 16 * 1024;
  size_t body_bytes_max = 1024 * 1024;
  size_t connections_max = 4096;
  Duration idle_timeout = std::chrono::seconds(75);     // longer than the gateway's upstream keep-alive
  Duration request_timeout = std::chrono::seconds(10);  // reading one request, and writing one answer
  // A request that takes longer is logged as slow. No answer is made up for a handler that is still at work: it might
  // have acted. What handlers call has deadlines, and whoever asks has one too (the gateway answers 504).
  Duration slow_after = std::chrono::seconds(30);
  std::string operator_token;  // empty: every kOperator and kToken request is refused
  std::string service_token;
  std::vector<std::string> allowed_hosts = {"127.0.0.1", "localhost", "[::1]"};  // host part of Host, any port
  std::vector<std::string> allowed_origins;  // exact; a request without Origin passes
  // WebSocket: a ping goes out after half of the idle timeout; a peer silent for all of it is dropped, as is one that
  // does not take a message within the write timeout.
  Duration websocket_idle_timeout = std::chrono::seconds(60);
  Duration websocket_write_timeout = std::chrono::seconds(5);
  // The paper exchange: routes may follow the exchange's rules (RouteOptions::exchange), and its streams take any
  // Origin.
  bool exchange_protocol = false;
};

class Server {
 public:
  // The clock tells deadlines, Date and the time in correlation ids, chance the rest of those; waiting itself takes
  // real time.
  Server(fiber::Loop& loop, ServerOptions options, const Clock& clock = SystemClock(), Random& random = SystemRandom());
  ~Server();

  // Patterns: "/api/execution/orders/{id}". Routes are added before Start. "*" as the pattern is the fallback.
  void Route(std::string method, std::string pattern, Handler handler, RouteOptions options = {});
  void WebSocket(std::string pattern, WebSocketHandler handler);

  // Binds and accepts. An address in use is kConflict with the port in the message.
  Status Start();
  int port() const;

  // Stops accepting new connections and new requests on kept-alive ones (503 with Connection: close; `always` routes
  // are still answered), then waits for requests in flight. True when all finished in time. Thread-safe, from a fiber.
  bool Drain(Duration timeout);
  // Closes what is left.
  void Stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::http
