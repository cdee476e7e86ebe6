#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <string_view>

#include "platform/http/message.h"
#include "platform/http/text.h"

namespace quantum::http {

// Beast's parser, writing into our Request directly: no copy through Beast's own containers. One request each. Heavy.
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  using Error = boost::beast::error_code;

  // A refusal that Beast has no code for.
  struct Refusal {
    int status;
    std::string_view code;
    std::string_view detail;
  };

  RequestParser(Request& request, size_t header_bytes_max, size_t body_bytes_max)
      : request_(request), header_bytes_left_(header_bytes_max) {
    eager(false);  // put() stops after the header, so that it can be judged before the body is read
    header_limit(static_cast<std::uint32_t>(header_bytes_max));
    body_limit(body_bytes_max);
  }

  const std::optional<Refusal>& refusal() const { return refusal_; }
  bool wants_websocket() const { return upgrades_to_websocket_; }
  bool expects_continue() const { return expects_continue_; }
  bool http_1_1() const { return version_ >= 11; }

  // After the header: what the message as a whole must satisfy.
  void CheckHeader() {
    header_done_ = true;
    if (!refusal_ && http_1_1() && hosts_ != 1) {
      refusal_ = {400, "HOST_MISSING", "a request carries exactly one Host header"};
    }
  }

 private:
  using Verb = boost::beast::http::verb;
  using Field = boost::beast::http::field;
  using View = boost::beast::string_view;

  void on_request_impl(Verb, View method, View target, int version, Error& error) override {
    request_.method.assign(method);
    request_.target.assign(target);
    version_ = version;
    Spend(method.size() + target.size() + 12, error);
  }
  void on_response_impl(int, View, int, Error&) override {}

  void on_field_impl(Field name, View name_text, View value, Error& error) override {
    Spend(name_text.size() + value.size() + 4, error);
    if (header_done_) {
      return;  // a trailer: dropped, because it comes after the request has been judged
    }
    switch (name) {
      case Field::host:
        ++hosts_;
        break;
      case Field::upgrade:
        upgrades_to_websocket_ = EqualIgnoringCase(value, "websocket");
        break;
      case Field::expect:
        expects_continue_ = EqualIgnoringCase(value, "100-continue");
        break;
      case Field::transfer_encoding:
        if (!EqualIgnoringCase(value, "chunked")) {
          refusal_ = {501, "TRANSFER_ENCODING", "the only transfer coding understood is chunked"};
        }
        break;
      default:
        break;
    }
    request_.headers.Add(std::string(name_text), std::string(value));
  }

  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error&) override {
    if (length) {
      request_.body.reserve(static_cast<size_t>(*length));  // within the body limit: Beast has checked
    }
  }
  size_t on_body_impl(View body, Error&) override {
    request_.body.append(body);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
  size_t on_chunk_body_impl(std::uint64_t, View body, Error&) override {
    request_.body.append(body);
    return body.size();
  }
  void on_finish_impl(Error&) override {}

  // Beast limits one pass over the header; a header that trickles in takes many.
  void Spend(size_t bytes, Error& error) {
    if (bytes > header_bytes_left_) {
      error = boost::beast::http::error::header_limit;
      return;
    }
    header_bytes_left_ -= bytes;
  }

  Request& request_;
  size_t header_bytes_left_;
  std::optional<Refusal> refusal_;
  int version_ = 11;
  int hosts_ = 0;
  bool header_done_ = false;
  bool upgrades_to_websocket_ = false;
  bool expects_continue_ = false;
};

}  // namespace quantum::http
