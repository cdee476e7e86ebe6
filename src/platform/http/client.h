#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/fiber/fiber.h"
#include "platform/http/message.h"

// HTTP/1.1 client for http and https: kept-alive connections per host, deadlines, and retries that cannot make things
// worse: only requests that are safe to repeat, within a budget, with back-off and jitter, honouring Retry-After, and
// behind a circuit breaker per host. Every request carries X-Correlation-ID.
namespace quantum::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http://127.0.0.1:8001/path?query
  Headers headers;
  std::string body;
  Duration timeout = std::chrono::seconds(5);  // for all attempts together
  // Whether a repeat does no harm. Without it a failure after the first byte was sent is kUnknownOutcome.
  bool idempotent = false;
  // Asked in each attempt when a connection is in hand, right before the first byte is written, with a copy of the
  // request: it may change the path, the query, the headers and the body, for what must not be older than the sending
  // (a signature, a lease). An error refuses: nothing is written, the connection is kept for others, and Send answers
  // this very error. Must not suspend: the peer may give the connection up meanwhile.
  std::function<Status(ClientRequest&)> before_write = nullptr;
};

struct ClientOptions {
  int attempts_max = 3;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration idle_timeout = std::chrono::seconds(30);  // kept-alive connections unused for longer are closed
  size_t connections_per_host_max = 32;
  size_t body_bytes_max = 16 * 1024 * 1024;
  int breaker_failures = 5;  // in a row, per host
  Duration breaker_cooldown = std::chrono::seconds(2);
  double retry_ratio = 0.2;   // retries allowed per request, on average
  double retry_reserve = 10;  // retries that a quiet host has saved up
  // Of services of which a second process stands by: origin → the other's ("http://127.0.0.1:8002" → ":8012"). What is
  // addressed to the first goes to the one that works, and, if that one did nothing for certain, to the other.
  std::map<std::string, std::string> standbys = {};
};

// For fibers of the loop it was made on.
class Client {
 public:
  // The clock tells deadlines, the breaker's cooldown and idle connections; waiting itself takes real time.
  explicit Client(fiber::Loop& loop, ClientOptions options = {}, Random& random = SystemRandom(),
                  const Clock& clock = SystemClock());
  ~Client();
  // Any answer, also a 5xx, is a value. Errors: kUnavailable (refused, breaker open: nothing was sent), kTimeout
  // (nothing was sent), kUnknownOutcome (sent, no answer), kInvalidArgument (bad URL, or before_write changed the
  // host: nothing was sent), kInternal (broken answer), and what before_write refused with, as it is.
  Result<Response> Send(const ClientRequest& request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// A WebSocket connection to ws:// or wss://. Answers pings by itself.
class WebSocketClient {
 public:
  explicit WebSocketClient(fiber::Loop& loop, const Clock& clock = SystemClock());
  ~WebSocketClient();
  Status Connect(const std::string& url, Duration timeout);
  // The next text message, valid until the next Read. kTimeout when nothing came; kUnavailable when the peer is gone.
  Result<std::string_view> Read(Duration timeout);
  Status Write(std::string_view text);
  void Close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::http
