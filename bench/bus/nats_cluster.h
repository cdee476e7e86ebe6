#pragma once

#include <memory>
#include <string>
#include <vector>

namespace quantum::bench {

// The peer: three nats-server with JetStream on this machine, and one stream of three replicas in files. Acknowledged
// means stored by a majority; NATS itself syncs files every two minutes. Everything ends with the object.
class NatsCluster {
 public:
  // False where the library was not there at build time, or the server is not there now.
  static bool Available();

  NatsCluster();
  ~NatsCluster();

  struct Load {
    int connections = 1;  // each a thread of its own, to the stream's leader
    int pending_max = 1;  // published and not acknowledged, of each
    bool operator==(const Load&) const = default;
  };
  // Asynchronous publishes for so many seconds, until all are acknowledged: messages a second.
  double PublishRate(const Load& load, size_t payload_bytes, double seconds);
  std::vector<int> pids() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantum::bench
