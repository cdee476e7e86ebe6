#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/fiber/await.h"
#include "platform/http/lazy_deadline.h"
#include "platform/http/message.h"
#include "platform/http/url.h"

// Inside the client only. Heavy to include.
namespace quantum::http {

using ClientSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using TlsContext = boost::asio::ssl::context;

// TLS 1.2 or newer; the peer's certificate is verified against the system's store, and its name.
std::shared_ptr<TlsContext> MakeTlsContext();

// Name resolution with a deadline. (The system's resolver cannot be interrupted: it is left behind, not waited for.)
Result<std::vector<boost::asio::ip::tcp::endpoint>> Resolve(fiber::Loop& loop, const Url& url, SteadyTime until,
                                                            const Clock& clock);

// Connects a socket to the first address that answers. kUnavailable or kTimeout.
Status ConnectSocket(fiber::Loop& loop, ClientSocket& socket, const Url& url, SteadyTime until, const Clock& clock);

// Sets the name that the server is asked for (not for addresses) and that its certificate must carry.
Status PrepareTls(SSL* tls, const Url& url);
// After a failed handshake: the reason, with the verifier's own word on the certificate.
std::string TlsFailure(SSL* tls, const boost::system::error_code& error);

// One connection to a host: connected, used for one exchange at a time, kept for the next.
class ClientConnection {
 public:
  ClientConnection(fiber::Loop& loop, const Clock& clock, std::shared_ptr<TlsContext> tls);
  ~ClientConnection();

  Status Connect(const Url& url, SteadyTime until);

  struct Exchanged {
    std::optional<Response> response;
    Error error;
    bool sent = false;      // at least one byte of the request went out
    bool answered = false;  // at least one byte of an answer came
    bool reusable = false;
  };
  Exchanged Exchange(std::string_view request, bool head, size_t body_bytes_max, SteadyTime until);

  // Between two exchanges: closes itself when idle for too long.
  void Rest(SteadyTime until);
  // Whether the peer has neither closed it nor sent what nobody asked for.
  bool Alive();

 private:
  template <class Fn>
  auto OnStream(Fn&& fn);
  Exchanged Receive(Exchanged exchanged, bool head, size_t body_bytes_max);

  fiber::Loop& loop_;
  const Clock& clock_;
  std::shared_ptr<TlsContext> tls_context_;
  ClientSocket socket_;
  std::optional<boost::asio::ssl::stream<ClientSocket&>> tls_;
  std::shared_ptr<LazyDeadline> deadline_;
  boost::beast::flat_buffer input_;
};

}  // namespace quantum::http
