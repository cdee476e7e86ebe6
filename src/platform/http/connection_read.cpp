#include <boost/asio/buffer.hpp>

#include "platform/http/connection.h"

// Getting a request from the socket into the parser, within its limits and its time.
namespace quantum::http {

using boost::system::error_code;
using ParserError = boost::beast::http::error;

namespace {

constexpr size_t kHeaderReadBytes = 4 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

std::optional<Connection::Next> Connection::ReadHeader() {
  received_ = now_;
  if (input_.size() == 0 && ReadMore(now_ + server_->options.idle_timeout, kHeaderReadBytes) != Input::kOk) {
    return Next::kClose;  // idle, or gone between two requests: nobody waits for an answer
  }
  received_ = now_ = Now();
  read_by_ = now_ + server_->options.request_timeout;
  for (;;) {
    DropLeadingNewlines();
    if (input_.size() > 0) {
      if (const auto next = Put()) {
        return next;
      }
      if (parser_->is_header_done()) {
        return std::nullopt;
      }
    }
    if (const auto next = ReadMoreOrRefuse(kHeaderReadBytes)) {
      return next;
    }
  }
}

void Connection::DropLeadingNewlines() {
  // RFC 9112, 2.2: an empty line before the request line is ignored.
  while (!parser_->got_some() && input_.size() > 0) {
    const char first = *static_cast<const char*>(input_.data().data());
    if (first != '\r' && first != '\n') {
      return;
    }
    input_.consume(1);
  }
}

std::optional<Connection::Next> Connection::ReadBody() {
  if (!parser_->is_done() && parser_->expects_continue() && parser_->http_1_1() && input_.size() == 0 &&
      !WriteAll(kContinue, {})) {
    return Next::kClose;
  }
  while (!parser_->is_done()) {
    const size_t before = input_.size();
    if (before > 0) {
      if (const auto next = Put()) {
        return next;
      }
      if (parser_->is_done()) {
        break;
      }
    }
    if (input_.size() == 0 || input_.size() == before) {
      if (const auto next = ReadMoreOrRefuse(kBodyReadBytes)) {
        return next;
      }
    }
  }
  return std::nullopt;
}

bool Connection::DropBufferedBody() {
  while (!parser_->is_done() && input_.size() > 0) {
    error_code error;
    const size_t used = parser_->put(input_.data(), error);
    input_.consume(used);
    if (error || used == 0) {
      return false;
    }
  }
  return parser_->is_done();
}

std::optional<Connection::Next> Connection::Put() {
  error_code error;
  const size_t used = parser_->put(input_.data(), error);
  input_.consume(used);
  if (!error || error == ParserError::need_more) {
    return std::nullopt;
  }
  if (error == ParserError::header_limit) {
    return Refuse(431, "HEADER_TOO_LARGE", "the request's header is larger than this server reads");
  }
  if (error == ParserError::body_limit) {
    return Refuse(413, "BODY_TOO_LARGE", "the request's body is larger than this server reads");
  }
  return Refuse(400, "MALFORMED", "not an HTTP/1.1 request: " + error.message());
}

std::optional<Connection::Next> Connection::ReadMoreOrRefuse(size_t bytes) {
  if (input_.size() + bytes > input_.max_size()) {
    return Refuse(400, "MALFORMED", "a line of the chunked body does not end");
  }
  switch (ReadMore(read_by_, bytes)) {
    case Input::kOk:
      return std::nullopt;
    case Input::kTimedOut:
      return Refuse(408, "REQUEST_TIMEOUT", "the request did not arrive in time");
    case Input::kClosed:
      break;
  }
  return Next::kClose;
}

Connection::Input Connection::ReadMore(SteadyTime deadline, size_t bytes) {
  deadline_->Arm(deadline);
  error_code error;
  const auto space = input_.prepare(bytes);
  const size_t read = fiber::Await([&](fiber::Yield& yield) { return socket_.async_read_some(space, yield[error]); });
  deadline_->Disarm();
  if (error) {
    return deadline_->expired() ? Input::kTimedOut : Input::kClosed;
  }
  input_.commit(read);
  return Input::kOk;
}

}  // namespace quantum::http
