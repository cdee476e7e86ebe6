#include "platform/http/connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/context/detail/exception.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"

namespace quantum::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr size_t kCopiedBodyBytes = 16 * 1024;  // below it, one buffer is cheaper than two
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr size_t kLingerBytes = 16 * 1024 * 1024;

std::string AddressOf(const TcpSocket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

// Fills path and query. The path as it was sent, for the router; nothing when an escape is broken.
std::optional<std::string_view> SplitTarget(Request& request) {
  std::string_view target = request.target;
  if (!target.starts_with('/') && target.starts_with("http://")) {  // absolute form (RFC 9112, 3.2.2)
    const size_t slash = target.find('/', 7);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (question != std::string_view::npos) {
    auto query = ParseQuery(target.substr(question + 1));
    if (!query) {
      return std::nullopt;
    }
    request.query = std::move(*query);
  }
  if (path.find('%') == std::string_view::npos) {
    request.path.assign(path);
    return path;
  }
  auto decoded = PercentDecode(path);
  if (!decoded) {
    return std::nullopt;
  }
  request.path = std::move(*decoded);
  return path;
}

void SetParameters(Request& request, Router::Match& match) {
  for (auto& [name, value] : match.parameters) {
    request.parameters.insert_or_assign(std::move(name), std::move(value));
  }
}

// Runs the handler; what it throws becomes a 500.
Response Invoke(const RouteEntry& route, const Request& request) {
  std::string failure;
  try {
    return route.handler(request);
  } catch (const boost::context::detail::forced_unwind&) {
    throw;  // the loop is being destroyed
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "an exception that is not a std::exception";
  }
  log::Error("an HTTP handler threw", {{"method", request.method}, {"endpoint", route.pattern}, {"error", failure}});
  return Problem(500, "INTERNAL", "the handler failed; the service's log has the reason under this correlation id");
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> server, TcpSocket socket)
    : server_(std::move(server)),
      socket_(std::move(socket)),
      deadline_(LazyDeadline::Make(server_->loop.context().get_executor(), server_->clock,
                                   [this] {
                                     error_code ignored;
                                     socket_.cancel(ignored);
                                   })),
      remote_address_(AddressOf(socket_)),
      input_(server_->options.header_bytes_max + 2 * kBodyReadBytes) {}

Connection::~Connection() {
  deadline_->Close();
  server_->connections.erase(this);
}

void Connection::Abort() {
  if (abort_websocket_) {
    abort_websocket_();
    return;
  }
  error_code ignored;
  socket_.close(ignored);
}

void Connection::Serve() {
  now_ = Now();
  Next next = Next::kRequest;
  while (next == Next::kRequest) {
    next = ServeRequest();
  }
  if (next == Next::kLinger) {
    Linger();
  }
  error_code ignored;
  socket_.close(ignored);
}

Connection::Next Connection::ServeRequest() {
  request_.Clear();
  exchange_route_ = false;
  parser_.emplace(request_, server_->options.header_bytes_max, server_->options.body_bytes_max);
  if (const auto next = ReadHeader()) {
    return *next;
  }
  TakeCorrelationId();
  const CorrelationScope scope(request_.correlation_id);
  parser_->CheckHeader();
  if (const auto& refusal = parser_->refusal()) {
    return Refuse(refusal->status, refusal->code, refusal->detail);
  }
  const auto path = SplitTarget(request_);
  if (!path) {
    return Refuse(400, "BAD_TARGET", "the request target holds a broken percent escape");
  }
  if (parser_->wants_websocket()) {
    auto websocket = server_->websocket_router.Find(request_.method, *path);
    if (websocket.route) {
      SetParameters(request_, websocket);
      return ServeWebSocket(server_->websockets[*websocket.route]);
    }
  }
  auto match = server_->router.Find(request_.method, *path);
  RouteEntry* const route = server_->entry(match);
  if (route == nullptr) {
    return FinishUnmatched(match, *path);
  }
  exchange_route_ = route->options.exchange;
  SetParameters(request_, match);
  const InProgress in_progress(route->metrics);
  if (const auto refused = server_->access.Refuse(request_, route->options)) {
    return Finish(route->metrics, route->pattern, *refused, DropBufferedBody());
  }
  const auto pass = route->options.always ? std::nullopt : server_->gate.Enter();
  if (!pass && !route->options.always) {
    return Finish(route->metrics, route->pattern, Draining(), DropBufferedBody());
  }
  if (const auto next = ReadBody()) {
    return *next;
  }
  received_ = now_ = Now();
  const Response response = Answer(*route);
  if (response.dropped) {
    return Next::kClose;
  }
  return Finish(route->metrics, route->pattern, response, true);
}

Response Connection::Draining() {
  Response response = Problem(503, "DRAINING", "this service is stopping: try again in a second");
  response.headers.Set("Retry-After", "1");
  return response;
}

Connection::Next Connection::FinishUnmatched(const Router::Match& match, std::string_view raw_path) {
  const InProgress in_progress(server_->unmatched);
  Response response;
  if (!match.allowed.empty()) {
    response = Problem(405, "METHOD_NOT_ALLOWED", "this path answers to: " + match.allowed);
    response.headers.Add("Allow", match.allowed);
  } else if (server_->websocket_router.Find(request_.method, raw_path).route) {
    response = Problem(426, "UPGRADE_REQUIRED", "this path speaks WebSocket");
    response.headers.Add("Upgrade", "websocket");
  } else {
    response = Problem(404, "NOT_FOUND", "no such path");
  }
  return Finish(server_->unmatched, "unmatched", response, DropBufferedBody());
}

Response Connection::Answer(const RouteEntry& route) {
  fiber::Loop* const loop = route.options.loop;
  if (loop == nullptr) {
    return Invoke(route, request_);
  }
  return fiber::RunOn(*loop, [&] { return Invoke(route, request_); });
}

void Connection::TakeCorrelationId() {
  const auto given = request_.headers.Find("X-Correlation-ID");
  request_.correlation_id = given && IsCorrelationId(*given) ? std::string(*given) : server_->NewCorrelationId();
  request_.remote_address = remote_address_;
}

Connection::Next Connection::Refuse(int status, std::string_view code, std::string_view detail) {
  if (request_.correlation_id.empty()) {
    TakeCorrelationId();
  }
  const CorrelationScope scope(request_.correlation_id);
  return Finish(server_->unmatched, "unmatched", Problem(status, code, detail), false);
}

Connection::Next Connection::Finish(RouteMetrics& metrics, std::string_view endpoint, const Response& response,
                                    bool complete) {
  const bool close = !complete || server_->draining || !parser_->keep_alive();
  output_.clear();
  AppendResponseHead(
      output_, response,
      {.correlation_id = exchange_route_ ? std::string_view() : std::string_view(request_.correlation_id),
       .date = server_->Date(now_),
       .close = close,
       .keep_alive = !close && !parser_->http_1_1()});
  std::string_view body = response.body;
  if (IsBodiless(response.status) || request_.method == "HEAD") {
    body = {};
  }
  if (body.size() <= kCopiedBodyBytes) {
    output_.append(body);
    body = {};
  }
  const bool written = WriteAll(output_, body);
  now_ = Now();
  metrics.Answered(request_.method, response.status, now_ - received_);
  Log(endpoint, response, now_ - received_);
  if (!written) {
    return Next::kClose;
  }
  return close ? Next::kLinger : Next::kRequest;
}

bool Connection::WriteAll(std::string_view head, std::string_view body) {
  std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
  error_code error;
  // The socket does not block and mostly takes everything at once: no suspension then.
  size_t sent = body.empty() ? socket_.write_some(buffers[0], error) : socket_.write_some(buffers, error);
  if (error && error != asio::error::would_block) {
    return false;
  }
  if (sent == head.size() + body.size()) {
    return true;
  }
  for (asio::const_buffer& buffer : buffers) {
    const size_t gone = std::min(sent, buffer.size());
    buffer += gone;
    sent -= gone;
  }
  deadline_->Arm(Now() + server_->options.request_timeout);
  fiber::Await([&](fiber::Yield& yield) { asio::async_write(socket_, buffers, yield[error]); });
  deadline_->Disarm();
  if (error && deadline_->expired()) {
    // A peer that does not read must not keep the rest in the kernel's memory either.
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  }
  return !error;
}

void Connection::Linger() {
  error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  const SteadyTime until = Now() + kLingerTime;
  size_t dropped = 0;
  while (!error && dropped < kLingerBytes) {
    input_.consume(input_.size());
    if (ReadMore(until, kBodyReadBytes) != Input::kOk) {
      return;
    }
    dropped += input_.size();
  }
}

void Connection::Log(std::string_view endpoint, const Response& response, Duration duration) const {
  const bool failed = response.status >= 500;
  const bool slow = duration > server_->options.slow_after;
  if (!failed && !slow && log::CurrentLevel() != log::Level::kDebug) {
    return;
  }
  const double ms = std::chrono::duration<double, std::milli>(duration).count();
  log::Write(failed || slow ? log::Level::kWarning : log::Level::kDebug, slow ? "slow HTTP request" : "HTTP request",
             {{"method", request_.method},
              {"path", request_.target},
              {"endpoint", endpoint},
              {"status", response.status},
              {"duration_ms", ms},
              {"remote_address", remote_address_}});
}

}  // namespace quantum::http
