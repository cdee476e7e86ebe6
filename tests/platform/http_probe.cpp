#include "tests/platform/http_probe.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <thread>

namespace quantum::testing {

namespace {

using std::chrono::steady_clock;

struct Socket {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd); }
};

std::string Encode(const Probe& probe) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", probe.method,
                                 probe.path, probe.port);
  for (const auto& [name, value] : probe.headers) {
    text += fmt::format("{}: {}\r\n", name, value);
  }
  if (!probe.body.empty() || probe.method != "GET") {
    text += fmt::format("Content-Length: {}\r\n", probe.body.size());
  }
  return text + "\r\n" + probe.body;
}

// An answer may come before the whole request was taken (413): what cannot be sent is no failure yet.
void SendAll(int fd, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t more = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (more <= 0) {
      return;
    }
    sent += static_cast<size_t>(more);
  }
}

// Chunks joined; false when one is missing.
bool JoinChunks(const std::string& text, std::string& body) {
  for (size_t at = 0;;) {
    const size_t line_end = text.find("\r\n", at);
    if (line_end == std::string::npos) {
      return false;
    }
    const size_t size = std::strtoul(text.c_str() + at, nullptr, 16);
    if (size == 0) {
      return true;
    }
    if (line_end + 2 + size > text.size()) {
      return false;
    }
    body.append(text, line_end + 2, size);
    at = line_end + 2 + size + 2;
  }
}

Answer Parse(const std::string& text) {
  Answer answer;
  if (text.empty()) {
    answer.end = Answer::End::kSilent;
    return answer;
  }
  const size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string::npos || !text.starts_with("HTTP/1.")) {
    return answer;
  }
  answer.status = std::atoi(text.c_str() + text.find(' '));
  for (size_t at = text.find("\r\n") + 2; at < head_end;) {
    const size_t end = std::min(text.find("\r\n", at), head_end);
    const size_t colon = text.find(':', at);
    std::string name = text.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const size_t value = text.find_first_not_of(' ', colon + 1);
    answer.headers[name] = text.substr(value, end - value);
    at = end + 2;
  }
  const std::string rest = text.substr(head_end + 4);
  bool whole = true;
  if (const auto length = answer.headers.find("content-length"); length != answer.headers.end()) {
    whole = rest.size() == std::strtoul(length->second.c_str(), nullptr, 10);
    answer.body = rest;
  } else if (answer.headers.contains("transfer-encoding")) {
    whole = JoinChunks(rest, answer.body);
  } else {
    answer.body = rest;
  }
  answer.end = whole ? Answer::End::kAnswered : Answer::End::kBroken;
  return answer;
}

}  // namespace

Answer Send(const Probe& probe) {
  const auto until = steady_clock::now() + probe.timeout;
  const Socket socket;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(probe.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Answer answer;
    answer.end = errno == ECONNREFUSED ? Answer::End::kRefused : Answer::End::kSilent;
    return answer;
  }
  SendAll(socket.fd, Encode(probe));
  std::string text;
  std::array<char, 65536> chunk{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now()).count();
    pollfd wait{.fd = socket.fd, .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) == 0) {
      Answer answer;
      answer.end = Answer::End::kTimeout;
      return answer;
    }
    const ssize_t got = ::recv(socket.fd, chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      return Parse(text);  // a reset after a complete answer is none that matters
    }
    text.append(chunk.data(), static_cast<size_t>(got));
  }
}

Answer SendWithinLimit(const Probe& probe) {
  constexpr int kTries = 10;
  Answer answer = Send(probe);
  for (int tries = 1; tries < kTries && answer.status == 429; ++tries) {
    std::this_thread::sleep_for(std::chrono::seconds(std::atoi(answer.headers["retry-after"].c_str())));
    answer = Send(probe);
  }
  return answer;
}

}  // namespace quantum::testing
