#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/fiber/fiber.h"
#include "platform/redis/client.h"

namespace quantum::redis {

// What one call of Client::Run sends: its fiber waits for `done`.
struct Request {
  enum class State { kQueued, kSent, kAnswered, kBroken } state = State::kQueued;
  std::string bytes;
  size_t commands = 0;
  std::vector<Reply> replies;
  fiber::Event done;
};
using RequestPtr = std::shared_ptr<Request>;

// The order of requests on the shared connection, without I/O: which are waiting, which are in flight, and what
// becomes of them when answers come or the connection breaks.
class Pipeline {
 public:
  void Push(RequestPtr request);

  // The bytes of what waits, as far as one write should carry; those requests are in flight from now on.
  std::string TakeBytes(size_t bytes_max = 256 * 1024);

  // The next answer. False: nothing was asked (the connection is out of step). A request whose first answer says that
  // the node is no usable master was not executed: it waits again, and refused() is true from then on.
  bool OnReply(Reply reply);

  // The connection is gone: what was in flight is broken, what was refused waits in front, in order.
  void OnBroken();

  // The client stops: everything in flight is broken, and who waits is told to withdraw.
  void Abandon();

  // The caller no longer waits. False when it is in flight already: its answer will be dropped.
  bool Withdraw(const RequestPtr& request);

  bool idle() const { return waiting_.empty(); }
  bool in_flight() const { return !in_flight_.empty(); }
  bool refused() const { return !refused_.empty(); }
  size_t commands() const { return commands_; }

 private:
  std::deque<RequestPtr> waiting_;
  std::deque<RequestPtr> in_flight_;
  std::deque<RequestPtr> refused_;
  size_t commands_ = 0;  // waiting, refused and in flight
};

}  // namespace quantum::redis
