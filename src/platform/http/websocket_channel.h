#pragma once

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "platform/fiber/await.h"
#include "platform/http/lazy_deadline.h"

namespace quantum::http {

struct WebSocketLimits {
  Duration idle_timeout = std::chrono::seconds(60);  // a ping after half of it, gone after all of it
  Duration write_timeout = std::chrono::seconds(5);
  size_t message_bytes_max = 16 * 1024 * 1024;
  // Received and not yet asked for. Beyond them nothing more is read: the peer feels it by TCP's flow control.
  size_t inbox_messages_max = 1024;
  size_t inbox_bytes_max = 4 * 1024 * 1024;
};

// One WebSocket connection of either side, after its handshake. A fiber of its own reads all the time, because that is
// what answers pings and notices that the peer has gone. Everything runs on one loop. Heavy to include.
template <class NextLayer>
class WebSocketChannel : public std::enable_shared_from_this<WebSocketChannel<NextLayer>> {
 public:
  using Stream = boost::beast::websocket::stream<NextLayer, false>;
  using ErrorCode = boost::system::error_code;

  template <class... Args>
  WebSocketChannel(fiber::Loop& loop, const Clock& clock, WebSocketLimits limits, Args&&... args)
      : loop_(loop),
        clock_(clock),
        limits_(limits),
        stream_(std::forward<Args>(args)...),
        write_deadline_(LazyDeadline::Make(loop.context().get_executor(), clock, [this] { Drop(); })) {
    stream_.read_message_max(limits.message_bytes_max);
    stream_.auto_fragment(false);
    stream_.text(true);
    boost::beast::websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = limits.idle_timeout;
    timeout.idle_timeout = limits.idle_timeout;
    timeout.keep_alive_pings = true;
    stream_.set_option(timeout);
  }
  ~WebSocketChannel() { write_deadline_->Close(); }

  Stream& stream() { return stream_; }

  // After the handshake.
  void StartReading() {
    loop_.Spawn([self = this->shared_from_this()] { self->ReadAll(); });
  }

  Result<std::string> Read(Duration timeout) {
    const SteadyTime until = clock_.Steady() + timeout;
    while (inbox_.empty()) {
      if (gone_) {
        return Error{Errc::kUnavailable, why_gone_};
      }
      readable_.Reset();
      const Duration left = until - clock_.Steady();
      if (left <= Duration::zero() || !readable_.WaitFor(left)) {
        return Error{Errc::kTimeout, "no WebSocket message came in time"};
      }
    }
    std::string message = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= message.size();
    room_.Set();
    return message;
  }

  Status Write(std::string_view text) {
    while (writing_ && !gone_) {
      writable_.Reset();
      writable_.WaitFor(limits_.write_timeout);
    }
    if (gone_) {
      return Error{timed_out_ ? Errc::kTimeout : Errc::kUnavailable, why_gone_};
    }
    ErrorCode error;
    {
      const Writing writing(*this);
      write_deadline_->Arm(clock_.Steady() + limits_.write_timeout);
      fiber::Await([&](fiber::Yield& yield) {
        return stream_.async_write(boost::asio::buffer(text.data(), text.size()), yield[error]);
      });
      write_deadline_->Disarm();
    }
    if (!error) {
      return {};
    }
    timed_out_ = write_deadline_->expired();
    MarkGone(timed_out_
                 ? fmt::format("the WebSocket peer did not take a message within {} ms and was dropped",
                               std::chrono::duration_cast<std::chrono::milliseconds>(limits_.write_timeout).count())
                 : "the WebSocket peer is gone: " + error.message());
    return Error{timed_out_ ? Errc::kTimeout : Errc::kUnavailable, why_gone_};
  }

  // The closing handshake, within the write timeout.
  void Close() {
    if (gone_ || closing_) {
      return;
    }
    closing_ = true;
    room_.Set();  // the reader must see the peer's close frame
    ErrorCode ignored;
    write_deadline_->Arm(clock_.Steady() + limits_.write_timeout);
    fiber::Await([&](fiber::Yield& yield) {
      return stream_.async_close(boost::beast::websocket::close_code::normal, yield[ignored]);
    });
    write_deadline_->Disarm();
    Abort();
  }

  // Ends the connection without the closing handshake. Also from outside a fiber.
  void Abort() {
    MarkGone("the WebSocket connection was closed on this side");
    boost::beast::close_socket(boost::beast::get_lowest_layer(stream_));
  }

 private:
  // The peer does not read: what it has not taken must not stay in the kernel's memory.
  void Drop() {
    ErrorCode ignored;
    boost::beast::get_lowest_layer(stream_).set_option(boost::asio::socket_base::linger(true, 0), ignored);
    boost::beast::close_socket(boost::beast::get_lowest_layer(stream_));
  }

  class Writing {
   public:
    explicit Writing(WebSocketChannel& channel) : channel_(channel) { channel_.writing_ = true; }
    ~Writing() {
      channel_.writing_ = false;
      channel_.writable_.Set();
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    WebSocketChannel& channel_;
  };

  void ReadAll() {
    boost::beast::flat_buffer buffer;
    while (WaitForRoom()) {
      ErrorCode error;
      fiber::Await([&](fiber::Yield& yield) { return stream_.async_read(buffer, yield[error]); });
      if (error) {
        MarkGone("the WebSocket peer is gone: " + error.message());
        return;
      }
      const auto data = buffer.data();
      if (!closing_) {
        inbox_.emplace_back(static_cast<const char*>(data.data()), data.size());
        inbox_bytes_ += data.size();
        readable_.Set();
      }
      buffer.consume(buffer.size());
    }
  }

  // False when there will be no more reading.
  bool WaitForRoom() {
    while (!gone_ && !closing_ &&
           (inbox_.size() >= limits_.inbox_messages_max || inbox_bytes_ >= limits_.inbox_bytes_max)) {
      room_.Reset();
      room_.Wait();
    }
    return !gone_;
  }

  void MarkGone(std::string why) {
    if (!gone_) {
      gone_ = true;
      why_gone_ = std::move(why);
    }
    readable_.Set();
    writable_.Set();
    room_.Set();
  }

  fiber::Loop& loop_;
  const Clock& clock_;
  const WebSocketLimits limits_;
  Stream stream_;
  std::shared_ptr<LazyDeadline> write_deadline_;
  std::deque<std::string> inbox_;
  size_t inbox_bytes_ = 0;
  fiber::Event readable_;
  fiber::Event writable_;
  fiber::Event room_;
  bool writing_ = false;
  bool closing_ = false;
  bool gone_ = false;
  bool timed_out_ = false;
  std::string why_gone_;
};

}  // namespace quantum::http
