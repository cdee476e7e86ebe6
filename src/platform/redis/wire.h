#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/redis/protocol.h"
#include "platform/redis/socket.h"

namespace quantum::redis {

// A socket that speaks RESP: what Connection and Client have in common.
class Wire {
 public:
  // Connects and authenticates. An empty user means the default one; an empty password, no AUTH.
  static Result<std::shared_ptr<Wire>> Open(fiber::Loop& loop, const Endpoint& endpoint, const std::string& user,
                                            const std::string& password, Duration timeout,
                                            const Clock& clock = SystemClock());
  Wire(fiber::Loop& loop, Endpoint endpoint, const Clock& clock)
      : clock_(clock), endpoint_(std::move(endpoint)), socket_(loop) {}

  Result<std::vector<Reply>> Run(const std::vector<Command>& commands, Duration timeout);
  // Run in two halves. A failure of either closes the wire: kUnknownOutcome.
  Status Send(const std::vector<Command>& commands, Duration timeout);
  Result<std::vector<Reply>> Receive(size_t count, Duration timeout);
  Status Write(std::string_view bytes, Duration timeout);
  // kTimeout leaves the wire usable; zero waits for ever.
  Result<Reply> Read(Duration timeout);
  void Close() { socket_.Close(); }
  bool closed() const { return socket_.closed(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  const Clock& clock_;
  Endpoint endpoint_;
  Socket socket_;
  ReplyParser parser_;
  std::string buffer_;
};

}  // namespace quantum::redis
