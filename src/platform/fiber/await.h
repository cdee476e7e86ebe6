#pragma once

// For .cpp files that drive sockets: the bridge between Asio's completion tokens and our fibers. Heavy to include.

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <exception>
#include <string>

#include "platform/base/assert.h"
#include "platform/base/correlation.h"
#include "platform/fiber/fiber.h"

namespace quantum::fiber {

using Yield = boost::asio::basic_yield_context<boost::asio::io_context::executor_type>;

namespace detail {

class SanitizedStack;

// What the running fiber is; null outside fibers.
struct Running {
  Yield* yield = nullptr;
  SanitizedStack* stack = nullptr;
};
Running& CurrentRunning();

// Leaves the fiber for the loop and comes back: keeps thread-locals and the sanitizers' idea of the stack right.
class Suspension {
 public:
  Suspension();
  ~Suspension();
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;
  Yield& yield() { return *saved_.yield; }

 private:
  Running saved_;
  std::string correlation_id_;
  int exceptions_;
};

}  // namespace detail

// Suspends this fiber until an asynchronous operation is done:
//   size_t n = Await([&](Yield& yield) { return socket.async_read_some(buffer, yield[error]); });
// Every suspension of the project passes here. Never inside a catch block: the exception state is per thread.
template <class Initiate>
auto Await(Initiate&& initiate) {
  QUANTUM_ASSERT(detail::CurrentRunning().yield != nullptr);
  QUANTUM_ASSERT(!std::current_exception());
  detail::Suspension suspension;
  return initiate(suspension.yield());
}

}  // namespace quantum::fiber
