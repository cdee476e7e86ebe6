#include "tests/support/tcp_gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>
#include <vector>

namespace quantum::testing {

namespace {

constexpr size_t kChunk = 64 * 1024;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Reset(int& fd) {
  if (fd >= 0) {
    const linger abort{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
    ::close(fd);
    fd = -1;
  }
}

void SetNonBlocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

struct TcpGate::Link {
  int client = -1;
  int server = -1;
  std::string to_server;
  std::string to_client;
  bool draining = false;  // the client is cut off; the server still gets what was passed on, then a plain close
  bool dead = false;
};

TcpGate::TcpGate(int upstream_port) : upstream_port_(upstream_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the gate cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { Run(); });
}

TcpGate::~TcpGate() {
  stop_ = true;
  ::eventfd_write(wake_, 1);
  thread_.join();
  for (Link& link : links_) {
    Reset(link.client);
    Reset(link.server);
  }
  ::close(listener_);
  ::close(wake_);
}

void TcpGate::Do(const std::function<void()>& change) {
  change_ = &change;
  ::eventfd_write(wake_, 1);
  change_.wait(&change);
}

void TcpGate::CutAll() {
  Do([this] {
    for (Link& link : links_) {
      Reset(link.client);
      Reset(link.server);
      link.dead = true;
    }
  });
}

void TcpGate::RefuseNew(bool on) {
  Do([this, on] { refuse_ = on; });
}
void TcpGate::HoldAnswers(bool on) {
  Do([this, on] { hold_answers_ = on; });
}
void TcpGate::HoldRequests(bool on) {
  Do([this, on] { hold_requests_ = on; });
}
void TcpGate::CutAfterRequest(const std::string& text) {
  Do([this, &text] {
    cut_text_ = text;
    cut_forwards_ = true;
  });
}
void TcpGate::CutBeforeRequest(const std::string& text) {
  Do([this, &text] {
    cut_text_ = text;
    cut_forwards_ = false;
  });
}

void TcpGate::Run() {
  while (!stop_) {
    std::vector<pollfd> fds = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (Link& link : links_) {
      const bool read_client = !link.draining && !hold_requests_ && link.to_server.empty();
      const bool read_server = !hold_answers_ && link.to_client.empty();
      fds.push_back(
          {link.client, static_cast<int16_t>((read_client ? POLLIN : 0) | (link.to_client.empty() ? 0 : POLLOUT)), 0});
      fds.push_back(
          {link.server, static_cast<int16_t>((read_server ? POLLIN : 0) | (link.to_server.empty() ? 0 : POLLOUT)), 0});
    }
    ::poll(fds.data(), fds.size(), 1000);
    eventfd_t count = 0;
    ::eventfd_read(wake_, &count);
    for (Link& link : links_) {
      Move(link);
    }
    Accept();
    if (const auto* change = change_.load()) {
      (*change)();
      change_ = nullptr;
      change_.notify_all();
    }
    links_.remove_if([](const Link& link) { return link.dead; });
  }
}

void TcpGate::Accept() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) {
    return;
  }
  Link link{.client = client};
  const sockaddr_in address = Loopback(upstream_port_);
  link.server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (refuse_ || ::connect(link.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Reset(link.client);
    Reset(link.server);
    return;
  }
  SetNonBlocking(link.server);
  links_.push_back(std::move(link));
}

void TcpGate::Flush(int fd, std::string& pending) {
  if (!pending.empty()) {
    const ssize_t sent = ::send(fd, pending.data(), pending.size(), MSG_NOSIGNAL);
    pending.erase(0, sent > 0 ? static_cast<size_t>(sent) : 0);
  }
}

// Whether these bytes of the client are the ones to strike at.
bool TcpGate::Strike(Link& link, const std::string& bytes) {
  if (cut_text_.empty() || bytes.find(cut_text_) == std::string::npos) {
    return false;
  }
  cut_text_.clear();
  ++cuts_;
  Reset(link.client);
  link.draining = true;
  if (cut_forwards_) {
    link.to_server = bytes;
  }
  return true;
}

void TcpGate::Move(Link& link) {
  const auto receive = [](int fd, std::string& bytes) {  // false at the end of the connection
    bytes.resize(kChunk);
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  };
  bool open = true;
  std::string bytes;
  if (!link.dead && !link.draining && !hold_requests_ && link.to_server.empty()) {
    open = receive(link.client, bytes);
    if (!bytes.empty() && !Strike(link, bytes)) {
      link.to_server = bytes;
    }
  }
  if (!link.dead && !hold_answers_ && link.to_client.empty()) {
    open = receive(link.server, bytes) && open;
    link.to_client = link.draining ? std::string() : bytes;
  }
  Flush(link.server, link.to_server);
  Flush(link.client, link.to_client);
  if (!open || (link.draining && link.to_server.empty())) {
    Reset(link.client);
    ::close(std::exchange(link.server, -1));  // a plain close: the server reads to the end what was passed on
    link.dead = true;
  }
}

}  // namespace quantum::testing
