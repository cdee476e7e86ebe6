#pragma once

#include <memory>
#include <vector>

#include "platform/bus/append.h"
#include "platform/redis/client.h"

namespace quantum::bus {

// The appending side's view of the broker: a connection of its own to the master (WAIT speaks of what its own
// connection wrote), and the function library. Used by one fiber.
class Broker {
 public:
  // session: of this process; one with a greater session fences it off. Empty: never fenced.
  Broker(redis::Client& redis, int replicas_required, std::string session = {})
      : redis_(redis), replicas_required_(replicas_required), session_(std::move(session)) {}

  // Connects to the present master and makes sure that it has the functions.
  Status Connect(Duration timeout);
  // False too when another node has become the master.
  bool connected() const { return connection_ != nullptr && connection_->endpoint() == redis_.master(); }
  void Disconnect() { connection_.reset(); }

  // The last sequence of each lane that the broker holds.
  Result<std::vector<uint64_t>> Last(const std::vector<Lane>& lanes);

  // Appends what the broker does not hold yet and answers each batch; the replicas required have all of it too. On an
  // error nothing is known but that a repeat is safe; the connection may be gone.
  Result<std::vector<Answer>> Append(const std::vector<Batch>& batches);

  // Whether the connection still leads to a living master.
  Status Ping();

 private:
  Result<std::vector<redis::Reply>> Run(const std::vector<redis::Command>& commands, Duration timeout);

  redis::Client& redis_;
  const int replicas_required_;
  const std::string session_;
  std::unique_ptr<redis::Connection> connection_;
};

}  // namespace quantum::bus
