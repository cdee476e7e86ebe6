#pragma once

#include <memory>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"

namespace quantum::postgres {

// Lends a file descriptor that libpq owns to the event loop, so that a fiber can wait for it. Never closes it.
class Socket {
 public:
  explicit Socket(fiber::Loop& loop);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool Assign(int descriptor);  // false: the kernel refuses to watch it
  void Release();               // before libpq closes the descriptor

  // Until the descriptor is ready for any of these, or broken: true. False when the time passed first.
  bool Wait(bool readable, bool writable, Duration timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantum::postgres
