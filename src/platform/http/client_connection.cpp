#include "platform/http/client_connection.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>

namespace quantum::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t kHeaderBytesMax = 64 * 1024;

Errc CodeOf(const LazyDeadline& deadline) { return deadline.expired() ? Errc::kTimeout : Errc::kUnavailable; }

std::string ReasonOf(const LazyDeadline& deadline, const error_code& error) {
  return deadline.expired() ? "no answer in time" : error.message();
}

}  // namespace

std::shared_ptr<TlsContext> MakeTlsContext() {
  auto context = std::make_shared<TlsContext>(TlsContext::tls_client);
  error_code ignored;
  context->set_options(TlsContext::default_workarounds | TlsContext::no_sslv2 | TlsContext::no_sslv3 |
                           TlsContext::no_tlsv1 | TlsContext::no_tlsv1_1,
                       ignored);
  context->set_default_verify_paths(ignored);
  context->set_verify_mode(asio::ssl::verify_peer, ignored);
  return context;
}

Result<std::vector<tcp::endpoint>> Resolve(fiber::Loop& loop, const Url& url, SteadyTime until, const Clock& clock) {
  error_code error;
  if (const auto address = asio::ip::make_address(url.host, error); !error) {
    return std::vector<tcp::endpoint>{{address, url.port}};
  }
  struct Lookup {
    fiber::Event done;
    error_code error;
    std::vector<tcp::endpoint> endpoints;
  };
  auto lookup = std::make_shared<Lookup>();
  loop.Spawn([lookup, host = url.host, port = url.port, &loop] {
    asio::ip::basic_resolver<tcp, asio::io_context::executor_type> resolver(loop.context().get_executor());
    const auto results = fiber::Await([&](fiber::Yield& yield) {
      return resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service, yield[lookup->error]);
    });
    for (const auto& result : results) {
      lookup->endpoints.push_back(result.endpoint());
    }
    lookup->done.Set();
  });
  if (!lookup->done.WaitFor(until - clock.Steady())) {
    return Error{Errc::kTimeout, fmt::format("resolving the name {} took too long", url.host)};
  }
  if (lookup->error || lookup->endpoints.empty()) {
    return Error{Errc::kUnavailable, fmt::format("resolving the name {}: {}", url.host, lookup->error.message())};
  }
  return std::move(lookup->endpoints);
}

Status ConnectSocket(fiber::Loop& loop, ClientSocket& socket, const Url& url, SteadyTime until, const Clock& clock) {
  QUANTUM_TRY(const auto endpoints, Resolve(loop, url, until, clock));
  const auto deadline = LazyDeadline::Make(loop.context().get_executor(), clock, [&socket] {
    error_code ignored;
    socket.close(ignored);
  });
  struct Closing {
    LazyDeadline& deadline;
    ~Closing() { deadline.Close(); }
  } closing{*deadline};
  error_code error;
  for (const tcp::endpoint& endpoint : endpoints) {
    socket = ClientSocket(loop.context().get_executor());
    deadline->Arm(until);
    fiber::Await([&](fiber::Yield& yield) { socket.async_connect(endpoint, yield[error]); });
    deadline->Disarm();
    if (!error) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      return {};
    }
    if (deadline->expired()) {
      break;
    }
  }
  return Error{CodeOf(*deadline),
               fmt::format("connecting to {}: {}; check that it is running and reachable", url.authority,
                           deadline->expired() ? "no answer in time" : error.message())};
}

Status PrepareTls(SSL* tls, const Url& url) {
  error_code error;
  asio::ip::make_address(url.host, error);
  const bool is_name = static_cast<bool>(error);
  // OpenSSL's own check, because it says what is wrong with a certificate that does not fit.
  X509_VERIFY_PARAM* const expected = SSL_get0_param(tls);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = is_name ? X509_VERIFY_PARAM_set1_host(expected, url.host.data(), url.host.size()) == 1 &&
                                 SSL_set_tlsext_host_name(tls, url.host.c_str()) == 1
                           // An address must not be sent as a server name (RFC 6066, 3).
                           : X509_VERIFY_PARAM_set1_ip_asc(expected, url.host.c_str()) == 1;
  if (!set) {
    return Error{Errc::kInvalidArgument, fmt::format("'{}' cannot be a TLS server name", url.host)};
  }
  return {};
}

std::string TlsFailure(SSL* tls, const error_code& error) {
  const long verdict = SSL_get_verify_result(tls);
  return verdict == X509_V_OK ? error.message()
                              : fmt::format("{} ({})", error.message(), X509_verify_cert_error_string(verdict));
}

ClientConnection::ClientConnection(fiber::Loop& loop, const Clock& clock, std::shared_ptr<TlsContext> tls)
    : loop_(loop),
      clock_(clock),
      tls_context_(std::move(tls)),
      socket_(loop.context().get_executor()),
      deadline_(LazyDeadline::Make(loop.context().get_executor(), clock, [this] {
        error_code ignored;
        socket_.close(ignored);
      })) {}

ClientConnection::~ClientConnection() { deadline_->Close(); }

template <class Fn>
auto ClientConnection::OnStream(Fn&& fn) {
  return fiber::Await([&](fiber::Yield& yield) { return tls_ ? fn(*tls_, yield) : fn(socket_, yield); });
}

Status ClientConnection::Connect(const Url& url, SteadyTime until) {
  QUANTUM_CHECK(ConnectSocket(loop_, socket_, url, until, clock_));
  if (!url.secure()) {
    return {};
  }
  tls_.emplace(socket_, *tls_context_);
  QUANTUM_CHECK(PrepareTls(tls_->native_handle(), url));
  error_code error;
  deadline_->Arm(until);
  fiber::Await([&](fiber::Yield& yield) { tls_->async_handshake(asio::ssl::stream_base::client, yield[error]); });
  deadline_->Disarm();
  if (error) {
    return Error{CodeOf(*deadline_),
                 fmt::format("TLS with {}: {}", url.authority,
                             deadline_->expired() ? "no answer in time" : TlsFailure(tls_->native_handle(), error))};
  }
  return {};
}

ClientConnection::Exchanged ClientConnection::Exchange(std::string_view request, bool head, size_t body_bytes_max,
                                                       SteadyTime until) {
  Exchanged exchanged;
  error_code error;
  size_t written = 0;
  deadline_->Arm(until);
  written = OnStream([&](auto& stream, fiber::Yield& yield) {
    return asio::async_write(stream, asio::buffer(request), yield[error]);
  });
  // TLS may have sent a part of a record that it does not count: after a failure it cannot be called unsent.
  exchanged.sent = written > 0 || tls_.has_value();
  if (error) {
    deadline_->Disarm();
    exchanged.error = {CodeOf(*deadline_), "sending the request: " + ReasonOf(*deadline_, error)};
    return exchanged;
  }
  exchanged = Receive(std::move(exchanged), head, body_bytes_max);
  deadline_->Disarm();
  return exchanged;
}

ClientConnection::Exchanged ClientConnection::Receive(Exchanged exchanged, bool head, size_t body_bytes_max) {
  error_code error;
  for (;;) {
    beast::http::response_parser<beast::http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(body_bytes_max);
    parser.skip(head);
    OnStream([&](auto& stream, fiber::Yield& yield) {
      return beast::http::async_read(stream, input_, parser, yield[error]);
    });
    exchanged.answered = exchanged.answered || parser.got_some();
    if (error) {
      break;
    }
    const int status = static_cast<int>(parser.get().result_int());
    if (status < 200) {
      continue;  // an interim answer (RFC 9110, 15.2): the real one follows
    }
    Response response;
    response.status = status;
    response.content_type.clear();
    for (const auto& field : parser.get()) {
      response.headers.Add(std::string(field.name_string()), std::string(field.value()));
    }
    response.content_type = std::string(response.headers.Find("Content-Type").value_or(""));
    exchanged.reusable = parser.keep_alive() && input_.size() == 0;
    response.body = std::move(parser.get().body());
    exchanged.response = std::move(response);
    return exchanged;
  }
  if (error == beast::http::error::body_limit) {
    exchanged.error = {Errc::kInternal, fmt::format("the answer's body is larger than {} bytes", body_bytes_max)};
  } else if (error.category() == beast::http::make_error_code(beast::http::error::bad_version).category() &&
             error != beast::http::error::end_of_stream && error != beast::http::error::partial_message) {
    exchanged.error = {Errc::kInternal, "the answer is not HTTP/1.1: " + error.message()};
  } else {
    exchanged.error = {Errc::kUnknownOutcome,
                       "the request was sent and no answer came: " + ReasonOf(*deadline_, error)};
  }
  return exchanged;
}

void ClientConnection::Rest(SteadyTime until) { deadline_->Arm(until); }

bool ClientConnection::Alive() {
  deadline_->Disarm();
  if (!socket_.is_open() || input_.size() > 0) {
    return false;
  }
  char byte = 0;
  return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace quantum::http
