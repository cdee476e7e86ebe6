#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace quantum::operate {

// Listens in a service's place: answers every request with the same bytes, or, without any, never.
class Peer {
 public:
  Peer(int port, std::string answer) : answer_(std::move(answer)), file_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(file_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (::bind(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(file_, 16) != 0) {
      throw std::runtime_error(fmt::format("port {} cannot be had", port));
    }
    thread_ = std::thread([this] { Serve(); });
  }
  ~Peer() {
    stop_ = true;
    thread_.join();
    for (const int each : taken_) {
      ::close(each);
    }
    ::close(file_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  std::vector<std::string> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  // As much as Content-Length says.
  static void ReadBody(int taken, std::string& request) {
    const std::string field = "Content-Length: ";
    const size_t at = request.find(field);
    const size_t length = at == std::string::npos ? 0 : std::stoul(request.substr(at + field.size()));
    const size_t end = request.find("\r\n\r\n") + 4 + length;
    char chunk[4096];
    while (request.size() < end) {
      const ssize_t got = ::recv(taken, chunk, sizeof(chunk), 0);
      if (got <= 0) {
        return;
      }
      request.append(chunk, static_cast<size_t>(got));
    }
  }

  void Serve() {
    while (!stop_) {
      pollfd waits{.fd = file_, .events = POLLIN, .revents = 0};
      if (::poll(&waits, 1, 50) != 1) {
        continue;
      }
      const int taken = ::accept(file_, nullptr, nullptr);
      if (answer_.empty()) {
        taken_.push_back(taken);  // open, and nothing more
        continue;
      }
      std::string request;
      char chunk[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(taken, chunk, sizeof(chunk), 0);
        if (got <= 0) {
          break;
        }
        request.append(chunk, static_cast<size_t>(got));
      }
      ReadBody(taken, request);
      {
        const std::lock_guard lock(mutex_);
        received_.push_back(request);
      }
      ::send(taken, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::close(taken);
    }
  }

  const std::string answer_;
  const int file_;
  std::vector<int> taken_;
  mutable std::mutex mutex_;
  std::vector<std::string> received_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace quantum::operate
