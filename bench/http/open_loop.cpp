#include "open_loop.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "server_under_test.h"

namespace quantum::bench {
namespace {

constexpr double kWarmUpSeconds = 1.0;

// One kept-alive connection with at most one request under way.
struct Lane {
  int socket = -1;
  std::string received;
  SteadyTime intended{};
};

// The whole length of the first answer in `text`, or 0 when it is not complete yet.
size_t AnswerLength(std::string_view text) {
  static constexpr std::string_view kLength = "Content-Length: ";
  const size_t head = text.find("\r\n\r\n");
  const size_t length = text.find(kLength);
  if (head == std::string_view::npos || length == std::string_view::npos) {
    return 0;
  }
  size_t body = 0;
  std::from_chars(text.data() + length + kLength.size(), text.data() + head, body);
  return text.size() >= head + 4 + body ? head + 4 + body : 0;
}

class Generator {
 public:
  Generator(int port, double rate)
      : port_(port),
        period_ns_(1e9 / rate),
        request_(fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", kPath, port)) {}
  ~Generator() {
    for (const Lane& lane : lanes_) {
      ::close(lane.socket);
    }
    ::close(epoll_);
  }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Status Connect(int connections) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    lanes_.resize(static_cast<size_t>(connections));
    for (size_t i = 0; i < lanes_.size(); ++i) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<uint16_t>(port_));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      Lane& lane = lanes_[i];
      lane.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (::connect(lane.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return Error{Errc::kUnavailable, "the open loop could not connect"};
      }
      const int on = 1;
      ::setsockopt(lane.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, lane.socket, &event);
      free_.push_back(i);
    }
    return {};
  }

  Result<OpenLoopResult> Run(double seconds) {
    const SteadyTime start = SystemClock().Steady();
    counted_from_ = start + Seconds(kWarmUpSeconds);
    const SteadyTime end = counted_from_ + Seconds(seconds);
    const SteadyTime give_up = end + std::chrono::seconds(5);
    uint64_t due = 0;
    for (SteadyTime now = start; now < end || answered_ < sent_; now = SystemClock().Steady()) {
      if (now > give_up) {
        return Error{Errc::kTimeout, "requests were still unanswered five seconds after the load had ended"};
      }
      while (now < end && IntendedAt(start, due) <= now) {
        backlog_.push_back(IntendedAt(start, due++));
      }
      while (!backlog_.empty() && !free_.empty()) {
        QUANTUM_CHECK(SendOne());
      }
      QUANTUM_CHECK(ReceiveReady());
    }
    return Summary(seconds);
  }

 private:
  static Duration Seconds(double seconds) { return Duration(static_cast<int64_t>(seconds * 1e9)); }
  SteadyTime IntendedAt(SteadyTime start, uint64_t n) const {
    return start + Duration(static_cast<int64_t>(period_ns_ * static_cast<double>(n)));
  }

  Status SendOne() {
    Lane& lane = lanes_[free_.front()];
    free_.pop_front();
    lane.intended = backlog_.front();
    backlog_.pop_front();
    ++sent_;
    return ::send(lane.socket, request_.data(), request_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request_.size())
               ? Status()
               : Error{Errc::kInternal, "sending a request failed"};
  }

  Status ReceiveReady() {
    std::array<epoll_event, 64> events;
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < ready; ++i) {
      const size_t index = events[static_cast<size_t>(i)].data.u64;
      Lane& lane = lanes_[index];
      std::array<char, 4096> buffer;
      const ssize_t n = ::recv(lane.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n <= 0) {
        return Error{Errc::kInternal, "the server closed a connection under load"};
      }
      lane.received.append(buffer.data(), static_cast<size_t>(n));
      const size_t length = AnswerLength(lane.received);
      if (length == 0) {
        continue;
      }
      if (!lane.received.starts_with("HTTP/1.1 200")) {
        return Error{Errc::kInternal, "an answer was not 200: " + lane.received};
      }
      lane.received.erase(0, length);
      ++answered_;
      free_.push_back(index);
      if (lane.intended >= counted_from_) {
        latencies_.push_back(SystemClock().Steady() - lane.intended);
      }
    }
    return {};
  }

  Result<OpenLoopResult> Summary(double seconds) {
    if (latencies_.empty()) {
      return Error{Errc::kInvalidArgument, "the open loop was too short to measure anything"};
    }
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      const auto index = static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1));
      return static_cast<double>(latencies_[index].count()) * 1e-6;
    };
    return OpenLoopResult{.offered_per_second = 1e9 / period_ns_,
                          .answered_per_second = static_cast<double>(latencies_.size()) / seconds,
                          .p50_ms = at(0.5),
                          .p99_ms = at(0.99),
                          .p999_ms = at(0.999),
                          .max_ms = at(1.0)};
  }

  int port_;
  double period_ns_;
  std::string request_;
  int epoll_ = -1;
  std::vector<Lane> lanes_;
  std::deque<size_t> free_;
  std::deque<SteadyTime> backlog_;
  std::vector<Duration> latencies_;
  SteadyTime counted_from_{};
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
};

}  // namespace

Result<OpenLoopResult> RunOpenLoop(int port, int connections, double rate, double seconds) {
  Generator generator(port, rate);
  QUANTUM_CHECK(generator.Connect(connections));
  return generator.Run(seconds);
}

}  // namespace quantum::bench
