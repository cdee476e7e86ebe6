#pragma once

#include <chrono>
#include <map>
#include <string>

// HTTP/1.1 to 127.0.0.1 over a plain socket, one connection a request: it shows what a client sees on the wire, also
// when a connection breaks, and shares no code with what it tests. Blocks the thread.
namespace quantum::testing {

struct Probe {
  int port = 0;
  std::string path;
  std::string method = "GET";
  std::map<std::string, std::string> headers{};  // beside Host, Connection and Content-Length
  std::string body{};
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

struct Answer {
  enum class End {
    kAnswered,
    kRefused,  // nobody listens: nothing was sent
    kSilent,   // reset or closed before a byte of the answer came
    kBroken,   // and after some
    kTimeout,
  };
  End end = End::kBroken;
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

Answer Send(const Probe& probe);

// As a client should: what was over a rate limit (429) is sent again when the answer says, a few times.
Answer SendWithinLimit(const Probe& probe);

}  // namespace quantum::testing
