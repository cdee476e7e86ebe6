#pragma once

#include <memory>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"
#include "platform/redis/client.h"

namespace quantum::redis {

// A TCP socket for fibers, free of Asio for who includes it. One fiber may read while another writes.
class Socket {
 public:
  explicit Socket(fiber::Loop& loop);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Status Connect(const Endpoint& endpoint, Duration timeout);
  Status Write(std::string_view bytes, Duration timeout);
  // Appends what has come to buffer. kTimeout leaves the socket usable. A timeout of zero waits for ever, and is the
  // only one allowed while another fiber writes.
  Status ReadInto(std::string& buffer, Duration timeout);
  void Close();  // whoever reads or writes gets kUnavailable
  bool closed() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantum::redis
