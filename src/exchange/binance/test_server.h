#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exchange/binance/rest.h"
#include "platform/http/server.h"

// A server of the test's own behind the connector, for what the paper exchange cannot be told to do: it hangs, it keeps
// a clock that stands still, it tells what arrived.
namespace quantum::binance::test {

// Runs body in a fiber of a loop on this thread until it returns.
inline void RunInFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("test");
  loop.Spawn([&] {
    body(loop);
    loop.Stop();
  });
  loop.Run();
}

// Lets the other fibers run until the condition holds; false when the time passed first.
inline bool Within(Duration timeout, const std::function<bool()>& condition) {
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() >= end) {
      return false;
    }
    fiber::SleepFor(std::chrono::milliseconds(2));
  }
  return true;
}

// On the loop of the test. Every request is kept, then answered by `answer`, by default with `{}`; the clock's by
// `venue_ms`.
class TestServer {
 public:
  explicit TestServer(fiber::Loop& loop) : server_(loop, {.exchange_protocol = true}) {
    server_.Route("GET", "/fapi/v1/time",
                  [this](const http::Request&) {
                    while (clock_hangs) {
                      fiber::SleepFor(std::chrono::milliseconds(5));
                    }
                    return http::Json("{\"serverTime\":" + std::to_string(venue_ms()) + "}", clock_status);
                  },
                  {.exchange = true});
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      server_.Route(method, "*",
                    [this](const http::Request& request) {
                      requests.push_back(request);
                      return answer(request);
                    },
                    {.exchange = true});
    }
    QUANTUM_ASSERT(server_.Start().ok());
  }
  ~TestServer() { server_.Stop(); }

  Hosts hosts() const {
    return {"http://127.0.0.1:" + std::to_string(server_.port()), "ws://127.0.0.1:" + std::to_string(server_.port())};
  }
  int Count(std::string_view path) const {
    int count = 0;
    for (const http::Request& request : requests) {
      count += request.path == path;
    }
    return count;
  }

  std::function<int64_t()> venue_ms = [] { return ToUnixMs(SystemClock().Now()); };
  std::function<http::Response(const http::Request&)> answer = [](const http::Request&) { return http::Json("{}"); };
  std::vector<http::Request> requests;  // as they arrived, but those for the time
  int clock_status = 200;
  bool clock_hangs = false;

 private:
  http::Server server_;
};

// A parameter of a request's query or body, not decoded; "" when it is absent.
inline std::string ParameterOf(const http::Request& request, const std::string& name) {
  const size_t query = request.target.find('?');
  const std::string all =
      "&" + (query == std::string::npos ? "" : request.target.substr(query + 1)) + "&" + request.body + "&";
  const size_t begin = all.find("&" + name + "=");
  if (begin == std::string::npos) {
    return "";
  }
  const size_t value = begin + name.size() + 2;
  return all.substr(value, all.find('&', value) - value);
}

}  // namespace quantum::binance::test
