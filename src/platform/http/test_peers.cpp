#include "platform/http/test_peers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <future>

#include "platform/base/assert.h"
#include "platform/http/text.h"

namespace quantum::http::test {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void LimitWaits(int descriptor) {
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

void RunInFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("test");
  loop.Spawn([&] {
    body(loop);
    loop.Stop();
  });
  loop.Run();
}

ServerThread::ServerThread(ServerOptions options, const std::function<void(Server&)>& add_routes)
    : loop_(std::make_unique<fiber::Loop>("server")), server_(std::make_unique<Server>(*loop_, std::move(options))) {
  add_routes(*server_);
  const Status started = server_->Start();
  QUANTUM_ASSERT(started.ok());
  thread_ = std::thread([this] {
    loop_->Run();
    server_.reset();
    loop_.reset();
  });
}

ServerThread::~ServerThread() {
  Stop();
  loop_->Stop();
  thread_.join();
}

void ServerThread::Stop() {
  server_->Stop();
  std::promise<void> done;
  loop_->Post([&done] { done.set_value(); });
  done.get_future().wait();
}

std::string ServerThread::Url(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", port(), path);
}

RawSocket::RawSocket(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  LimitWaits(descriptor_);
  const sockaddr_in address = Loopback(port);
  QUANTUM_ASSERT(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

RawSocket::RawSocket(int descriptor, bool) : descriptor_(descriptor) { LimitWaits(descriptor_); }

RawSocket::RawSocket(RawSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), buffer_(std::move(other.buffer_)) {}

RawSocket::~RawSocket() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;  // the peer has closed; what it answered tells the rest
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

bool RawSocket::ReadMore() {
  std::array<char, 65536> bytes;
  const ssize_t n = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
  if (n <= 0) {
    return false;
  }
  buffer_.append(bytes.data(), static_cast<size_t>(n));
  return true;
}

std::string RawSocket::ReceiveHead() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) {
      return {};
    }
  }
  std::string head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return head;
}

RawSocket::Answer RawSocket::Receive(bool head_only) {
  Answer answer;
  answer.head = ReceiveHead();
  if (answer.head.size() < 12) {
    return answer;
  }
  const std::string length = answer.Header("Content-Length");
  const size_t body = length.empty() || head_only ? 0 : std::strtoul(length.c_str(), nullptr, 10);
  while (buffer_.size() < body) {
    if (!ReadMore()) {
      return answer;
    }
  }
  answer.body = buffer_.substr(0, body);
  buffer_.erase(0, body);
  answer.status = std::atoi(answer.head.c_str() + 9);
  return answer;
}

std::string RawSocket::Answer::Header(const std::string& name) const {
  size_t at = 0;
  while ((at = head.find("\r\n", at)) != std::string::npos) {
    at += 2;
    if (EqualIgnoringCase(std::string_view(head).substr(at, name.size()), name) && head[at + name.size()] == ':') {
      return std::string(Trim(std::string_view(head).substr(at, head.find("\r\n", at) - at).substr(name.size() + 1)));
    }
  }
  return {};
}

bool RawSocket::ClosedByPeer() {
  char byte = 0;
  return buffer_.empty() && ::recv(descriptor_, &byte, 1, 0) == 0;
}

void RawSocket::ShutdownWrite() { ::shutdown(descriptor_, SHUT_WR); }

void RawSocket::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(descriptor_, -1));
}

void RawSocket::LimitReceiveBuffer(int bytes) {
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

ScriptedPeer::ScriptedPeer(std::vector<std::function<void(RawSocket&)>> scripts)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  QUANTUM_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  QUANTUM_ASSERT(::listen(listener_, 16) == 0);
  QUANTUM_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, scripts = std::move(scripts)] {
    for (const auto& script : scripts) {
      const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) {
        return;
      }
      ++connections_;
      {
        RawSocket socket(accepted, true);
        script(socket);
      }
      ++closed_;
    }
  });
}

ScriptedPeer::~ScriptedPeer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept
  thread_.join();
  ::close(listener_);
}

std::string ScriptedPeer::Url(std::string_view path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }

ClosedPort::ClosedPort() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  QUANTUM_ASSERT(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  QUANTUM_ASSERT(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
}

void ClosedPort::Free() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

bool Within(Duration timeout, const std::function<bool()>& condition) {
  constexpr auto kPoll = std::chrono::milliseconds(5);
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() >= end) {
      return false;
    }
    if (fiber::InFiber()) {
      fiber::SleepFor(kPoll);
    } else {
      std::this_thread::sleep_for(kPoll);
    }
  }
  return true;
}

}  // namespace quantum::http::test
