#include "client.h"

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

namespace quantum::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr double kWarmUpSeconds = 0.5;

struct Connection {
  Connection(int port, int index) : number(index), fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connected = ::connect(fd, reinterpret_cast<sockaddr*>(&server), sizeof server) == 0;
  }
  ~Connection() { ::close(fd); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Send(const std::string& request) {
    sent = std::chrono::steady_clock::now();
    answer.clear();
    return ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  }

  int number;
  int fd;
  bool connected = false;
  std::string answer;
  Time sent;
};

// Whether head and body are there.
bool IsWhole(std::string_view answer) {
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return false;
  }
  constexpr std::string_view kLength = "ontent-Length: ";
  const size_t at = answer.substr(0, end).find(kLength);
  size_t length = 0;
  if (at != std::string_view::npos) {
    const std::string_view digits = answer.substr(at + kLength.size(), 12);
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
  }
  return answer.size() >= end + 4 + length;
}

}  // namespace

Result<LoadResult> RunLoad(int port, int connections, double seconds, const std::function<std::string(int)>& next) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<Connection>(port, i));
    epoll_event event{EPOLLIN, {.ptr = all.back().get()}};
    if (!all.back()->connected || ::epoll_ctl(poll, EPOLL_CTL_ADD, all.back()->fd, &event) != 0 ||
        !all.back()->Send(next(i))) {
      ::close(poll);
      return Error{Errc::kInternal, fmt::format("connecting to port {} failed", port)};
    }
  }
  const auto seconds_of = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  const Time start = std::chrono::steady_clock::now();
  std::vector<double> latencies;
  std::array<epoll_event, 64> events{};
  std::array<char, 16384> buffer{};
  std::string failure;
  while (failure.empty() && seconds_of(std::chrono::steady_clock::now() - start) < kWarmUpSeconds + seconds) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready && failure.empty(); ++i) {
      Connection& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
      const ssize_t count = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
      if (count <= 0) {
        failure = "a connection was closed";
        break;
      }
      connection.answer.append(buffer.data(), static_cast<size_t>(count));
      if (!IsWhole(connection.answer)) {
        continue;
      }
      if (!connection.answer.starts_with("HTTP/1.1 200")) {
        failure = connection.answer;
        break;
      }
      const Time now = std::chrono::steady_clock::now();
      if (seconds_of(now - start) > kWarmUpSeconds) {
        latencies.push_back(seconds_of(now - connection.sent) * 1e3);
      }
      if (!connection.Send(next(connection.number))) {
        failure = "sending failed";
      }
    }
  }
  ::close(poll);
  if (!failure.empty() || latencies.empty()) {
    return Error{Errc::kInternal, "port " + std::to_string(port) + ": " + failure};
  }
  std::sort(latencies.begin(), latencies.end());
  const auto quantile = [&](double share) {
    return latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  return LoadResult{static_cast<double>(latencies.size()) / seconds, quantile(0.5), quantile(0.99)};
}

}  // namespace quantum::bench
