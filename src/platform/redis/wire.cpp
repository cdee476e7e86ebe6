#include "platform/redis/wire.h"

#include "platform/redis/discovery.h"
#include "platform/resilience/resilience.h"

namespace quantum::redis {

using resilience::Deadline;

Result<std::shared_ptr<Wire>> Wire::Open(fiber::Loop& loop, const Endpoint& endpoint, const std::string& user,
                                         const std::string& password, Duration timeout, const Clock& clock) {
  const auto deadline = Deadline::After(timeout, clock);
  auto wire = std::make_shared<Wire>(loop, endpoint, clock);
  QUANTUM_CHECK(wire->socket_.Connect(endpoint, timeout));
  if (!password.empty()) {
    Command auth = user.empty() ? Command{"AUTH", password} : Command{"AUTH", user, password};
    auto replies = wire->Run({std::move(auth)}, deadline.left());
    if (!replies) {
      return Error{Errc::kUnavailable, replies.error().message};  // AUTH has no outcome worth doubting
    }
    if (replies->front().is_error()) {
      return ToError("AUTH", replies->front().text);
    }
  }
  return wire;
}

Result<std::vector<Reply>> Wire::Run(const std::vector<Command>& commands, Duration timeout) {
  const auto deadline = Deadline::After(timeout, clock_);
  QUANTUM_CHECK(Send(commands, timeout));
  return Receive(commands.size(), deadline.left());
}

Status Wire::Send(const std::vector<Command>& commands, Duration timeout) {
  if (closed()) {
    return Error{Errc::kUnavailable, "this connection to Redis is closed; open another"};
  }
  if (const Status sent = Write(Encode(commands), timeout); !sent) {
    Close();
    return Error{Errc::kUnknownOutcome, sent.error().message};
  }
  return {};
}

Result<std::vector<Reply>> Wire::Receive(size_t count, Duration timeout) {
  const auto deadline = Deadline::After(timeout, clock_);
  std::vector<Reply> replies;
  replies.reserve(count);
  while (replies.size() < count) {
    auto reply = deadline.passed() ? Result<Reply>(Error{Errc::kTimeout, "reading from Redis: no answer in time"})
                                   : Read(deadline.left());
    if (!reply) {
      Close();  // answers that come later would be taken for those of the next commands
      return Error{Errc::kUnknownOutcome, reply.error().message};
    }
    replies.push_back(std::move(*reply));
  }
  return replies;
}

Status Wire::Write(std::string_view bytes, Duration timeout) { return socket_.Write(bytes, timeout); }

Result<Reply> Wire::Read(Duration timeout) {
  const auto deadline = Deadline::After(timeout, clock_);
  const bool limited = timeout > Duration::zero();
  while (true) {
    auto reply = parser_.Next();
    if (!reply) {
      Close();
      return reply.error();
    }
    if (reply->has_value()) {
      return std::move(**reply);
    }
    if (limited && deadline.passed()) {
      return Error{Errc::kTimeout, "reading from Redis: nothing came in time"};
    }
    buffer_.clear();
    auto status = socket_.ReadInto(buffer_, limited ? deadline.left() : Duration::zero());
    if (!status) {
      if (status.error().code != Errc::kTimeout) {
        Close();
      }
      return status.error();
    }
    parser_.Feed(buffer_);
  }
}

}  // namespace quantum::redis
