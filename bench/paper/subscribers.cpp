#include "subscribers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

// The number that follows a key; -1 when there is none.
int64_t NumberOf(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  int64_t number = -1;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + key.size(), text.data() + text.size(), number);
  }
  return number;
}

class Subscriber {
 public:
  Subscriber(int port, const std::string& streams) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request = fmt::format(
        "GET /public/stream?streams={} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n",
        streams, port);
    ok_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&server), sizeof server) == 0 &&
          ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  }
  ~Subscriber() { ::close(fd_); }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  int fd() const { return fd_; }
  bool ok() const { return ok_; }
  bool standing() const { return standing_; }
  int64_t last_trade() const { return last_trade_; }
  int64_t gaps() const { return gaps_; }

  // Takes what has arrived; `on_message` gets each message's text. False: the connection has ended.
  template <class OnMessage>
  bool Read(const OnMessage& on_message) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) {
      return false;
    }
    bytes_.append(buffer.data(), static_cast<size_t>(count));
    if (!standing_) {
      const size_t end = bytes_.find("\r\n\r\n");
      if (end == std::string::npos) {
        return true;
      }
      if (!bytes_.starts_with("HTTP/1.1 101")) {
        return false;
      }
      standing_ = true;
      bytes_.erase(0, end + 4);
    }
    size_t taken = 0;
    for (;;) {
      const std::string_view rest = std::string_view(bytes_).substr(taken);
      const size_t head = HeadOf(rest);
      const size_t length = head == 0 ? 0 : LengthOf(rest);
      if (head == 0 || rest.size() < head + length) {
        break;
      }
      const int kind = rest[0] & 15;
      if (kind == 8) {
        return false;
      }
      if (kind == 1) {
        const std::string_view text = rest.substr(head, length);
        Follow(text);
        on_message(text);
      }
      taken += head + length;
    }
    bytes_.erase(0, taken);
    return true;
  }

 private:
  // RFC 6455, 5.2; a server does not mask. Zero: not all of it is there.
  static size_t HeadOf(std::string_view frame) {
    if (frame.size() < 2) {
      return 0;
    }
    const size_t head = (frame[1] & 127) == 126 ? 4 : (frame[1] & 127) == 127 ? 10 : 2;
    return frame.size() < head ? 0 : head;
  }
  static size_t LengthOf(std::string_view frame) {
    const size_t head = HeadOf(frame);
    size_t length = head == 2 ? frame[1] & 127 : 0;
    for (size_t i = 2; i < head; ++i) {
      length = length << 8 | static_cast<unsigned char>(frame[i]);
    }
    return length;
  }
  void Follow(std::string_view text) {
    const auto follows = [this](int64_t& last, int64_t previous, int64_t next) {
      gaps_ += last >= 0 && previous != last;
      last = next;
    };
    if (const int64_t trade = NumberOf(text, R"("t":)"); trade >= 0) {
      follows(last_trade_, trade - 1, trade);
    } else if (const int64_t previous = NumberOf(text, R"("pu":)"); previous >= 0) {
      follows(last_update_, previous, NumberOf(text, R"("u":)"));
    }
  }

  int fd_;
  bool ok_ = false;
  bool standing_ = false;
  std::string bytes_;
  int64_t last_trade_ = -1;
  int64_t last_update_ = -1;
  int64_t gaps_ = 0;
};

class Audience {
 public:
  Audience() : poll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Audience() { ::close(poll_); }

  Status Connect(int port, int count, const std::string& streams) {
    for (int i = 0; i < count; ++i) {
      all_.push_back(std::make_unique<Subscriber>(port, streams));
      epoll_event event{EPOLLIN, {.ptr = all_.back().get()}};
      if (!all_.back()->ok() || ::epoll_ctl(poll_, EPOLL_CTL_ADD, all_.back()->fd(), &event) != 0) {
        return Error{Errc::kInternal, fmt::format("subscriber {} cannot connect to port {}", i, port)};
      }
    }
    return {};
  }
  // Until `done` says so, at most so long.
  template <class Done>
  Status Listen(Duration most, const Done& done) {
    const SteadyTime end = SystemClock().Steady() + most;
    std::array<epoll_event, 256> events{};
    while (!done() && SystemClock().Steady() < end) {
      const int ready = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 10);
      for (int i = 0; i < ready; ++i) {
        const bool stands =
            static_cast<Subscriber*>(events[static_cast<size_t>(i)].data.ptr)->Read([this](std::string_view text) {
              OnMessage(text);
            });
        if (!stands) {
          return Error{Errc::kInternal, "a subscriber's connection was refused or has ended"};
        }
      }
    }
    return {};
  }
  void Begin() { lags_ms_.clear(); }
  int64_t newest_trade() const {
    return (*std::max_element(
                all_.begin(), all_.end(),
                [](const auto& one, const auto& other) { return one->last_trade() < other->last_trade(); }))
        ->last_trade();
  }
  template <class Condition>
  int Count(const Condition& condition) const {
    return static_cast<int>(std::count_if(all_.begin(), all_.end(), [&](const auto& one) { return condition(*one); }));
  }
  int64_t gaps() const {
    int64_t gaps = 0;
    for (const auto& subscriber : all_) {
      gaps += subscriber->gaps();
    }
    return gaps;
  }
  std::vector<double>& lags_ms() { return lags_ms_; }

 private:
  void OnMessage(std::string_view text) {
    const double now_ms = static_cast<double>(ToUnixNs(SystemClock().Now())) / 1e6;
    lags_ms_.push_back(now_ms - static_cast<double>(NumberOf(text, R"("E":)")));
  }

  int poll_;
  std::vector<std::unique_ptr<Subscriber>> all_;
  std::vector<double> lags_ms_;
};

}  // namespace

Result<SubscribersResult> RunSubscribers(int port, int count, const std::string& symbol, double seconds) {
  Audience audience;
  QUANTUM_CHECK(audience.Connect(port, count, fmt::format("{0}@trade/{0}@depth@100ms", symbol)));
  const auto all_stand = [&] { return audience.Count([](const Subscriber& one) { return one.standing(); }) == count; };
  QUANTUM_CHECK(audience.Listen(20s, all_stand));
  if (!all_stand()) {
    return Error{Errc::kInternal, "not all subscribers were let in within 20 s"};
  }
  audience.Begin();
  QUANTUM_CHECK(audience.Listen(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)),
                                [] { return false; }));
  SubscribersResult result;
  result.subscribers = count;
  std::vector<double> lags = std::move(audience.lags_ms());
  result.messages = static_cast<int64_t>(lags.size());
  result.messages_per_second = static_cast<double>(result.messages) / seconds;
  const int64_t newest = audience.newest_trade();
  const auto behind = [&] { return audience.Count([&](const Subscriber& one) { return one.last_trade() < newest; }); };
  QUANTUM_CHECK(audience.Listen(5s, [&] { return behind() == 0; }));
  result.behind = behind();
  result.gaps = audience.gaps();
  if (!lags.empty()) {
    std::sort(lags.begin(), lags.end());
    const auto quantile = [&](double share) {
      return lags[static_cast<size_t>(share * static_cast<double>(lags.size() - 1))];
    };
    result.lag_p50_ms = quantile(0.5);
    result.lag_p99_ms = quantile(0.99);
    result.lag_max_ms = lags.back();
  }
  return result;
}

}  // namespace quantum::bench
