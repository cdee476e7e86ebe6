#include "platform/redis/socket.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "platform/fiber/await.h"

namespace quantum::redis {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using TcpResolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using fiber::Await;
using fiber::Yield;

struct Socket::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(asio::io_context& context) : socket(context.get_executor()), timer(context.get_executor()) {}

  // Cancels the running operation when the time passes. The number keeps a timer that has already fired from
  // cancelling the operation after it.
  class Limit {
   public:
    Limit(Impl& impl, Duration timeout) : impl_(impl) {
      impl_.timed_out = false;
      const uint64_t number = ++impl_.operation;
      if (timeout <= Duration::zero()) {
        return;
      }
      impl_.timer.expires_after(timeout);
      impl_.timer.async_wait([self = impl_.shared_from_this(), number](boost::system::error_code error) {
        if (!error && number == self->operation) {
          self->timed_out = true;
          boost::system::error_code ignored;
          self->socket.cancel(ignored);
        }
      });
    }
    ~Limit() {
      ++impl_.operation;
      impl_.timer.cancel();
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

   private:
    Impl& impl_;
  };

  Error ToError(const boost::system::error_code& error, std::string_view what) const {
    if (timed_out) {
      return {Errc::kTimeout, fmt::format("{}: no answer in time", what)};
    }
    return {Errc::kUnavailable, fmt::format("{}: {}", what, error.message())};
  }

  void Close() {
    open = false;
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  TcpSocket socket;
  Timer timer;
  uint64_t operation = 0;
  bool timed_out = false;
  bool open = false;
  std::array<char, 64 * 1024> chunk;
};

Socket::Socket(fiber::Loop& loop) : impl_(std::make_shared<Impl>(loop.context())) {}

Socket::~Socket() { impl_->Close(); }

Status Socket::Connect(const Endpoint& endpoint, Duration timeout) {
  const auto impl = impl_;
  boost::system::error_code error;
  asio::ip::tcp::endpoint address(asio::ip::make_address(endpoint.host, error), static_cast<uint16_t>(endpoint.port));
  if (error) {
    TcpResolver resolver(impl->socket.get_executor());
    const auto found = Await([&](Yield& yield) {
      return resolver.async_resolve(endpoint.host, std::to_string(endpoint.port), yield[error]);
    });
    if (error || found.empty()) {
      return Error{Errc::kUnavailable, fmt::format("resolving {}: {}", endpoint.host, error.message())};
    }
    address = found.begin()->endpoint();
  }
  {
    Impl::Limit limit(*impl, timeout);
    Await([&](Yield& yield) { impl->socket.async_connect(address, yield[error]); });
  }
  if (error) {
    const Error failure = impl->ToError(error, fmt::format("connecting to {}:{}", endpoint.host, endpoint.port));
    impl->Close();
    return failure;
  }
  impl->open = true;
  impl->socket.set_option(asio::ip::tcp::no_delay(true), error);
  return {};
}

Status Socket::Write(std::string_view bytes, Duration timeout) {
  const auto impl = impl_;
  boost::system::error_code error;
  {
    Impl::Limit limit(*impl, timeout);
    Await([&](Yield& yield) { return asio::async_write(impl->socket, asio::buffer(bytes), yield[error]); });
  }
  if (error) {
    return impl->ToError(error, "writing to Redis");
  }
  return {};
}

Status Socket::ReadInto(std::string& buffer, Duration timeout) {
  const auto impl = impl_;
  boost::system::error_code error;
  size_t size = 0;
  const auto read = [&] {
    size = Await([&](Yield& yield) { return impl->socket.async_read_some(asio::buffer(impl->chunk), yield[error]); });
  };
  if (timeout > Duration::zero()) {
    Impl::Limit limit(*impl, timeout);
    read();
  } else {
    read();
  }
  if (error) {
    return timeout > Duration::zero() ? impl->ToError(error, "reading from Redis")
                                      : Error{Errc::kUnavailable, "reading from Redis: " + error.message()};
  }
  buffer.append(impl->chunk.data(), size);
  return {};
}

void Socket::Close() { impl_->Close(); }

bool Socket::closed() const { return !impl_->open; }

}  // namespace quantum::redis
