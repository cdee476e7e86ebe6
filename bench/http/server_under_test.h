#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "process.h"

namespace quantum::bench {

inline constexpr const char* kPath = "/api/execution/orders";
// A small answer, as the services give.
inline constexpr const char* kBody =
    R"({"symbol":"BTCUSDT","side":"BUY","quantity":"0.015","price":"43210.50","status":"FILLED"})";

// A server on one core, of which the benchmark knows the port and the CPU time.
class ServerUnderTest {
 public:
  virtual ~ServerUnderTest() = default;
  virtual std::string name() const = 0;
  virtual int port() const = 0;
  virtual double cpu_seconds() const = 0;
};

// Our server alone, in a thread of this process: its middleware, and a handler on its own loop.
std::unique_ptr<ServerUnderTest> StartQuantum(int core);

// The same answer from a route of a service (platform/lifecycle) in a process of its own: the request crosses to the
// main loop and back, as with every route of ours. No token is asked: a GET needs none.
Result<std::unique_ptr<ServerUnderTest>> StartService(int core);

// nginx with one worker and `return 200` with the same body; no logs, endless keep-alive.
Result<std::unique_ptr<ServerUnderTest>> StartNginx(int core);

}  // namespace quantum::bench
