#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/bus/consumer.h"
#include "platform/bus/newest.h"

namespace quantum::bus {

// Publishing volatile events: newest per key waits, one fiber ships what there is, over a connection of its own, so
// that a flood of them, or a connection that is stuck, delays nothing else.
class VolatileSender {
 public:
  static constexpr size_t kKeysMax = 10'000;
  static constexpr const char* kConnectionName = "quantum-volatile";  // as CLIENT LIST shows it

  explicit VolatileSender(redis::Client& redis) : redis_(redis), queue_(kKeysMax) {}

  void Put(Event event);
  void Run();  // the fiber's body; returns after Stop()
  void Stop() {
    stop_.Set();
    work_.Set();
  }
  size_t size() const { return queue_.size(); }

 private:
  Status Connect();
  void Send();

  redis::Client& redis_;
  std::unique_ptr<redis::Connection> connection_;
  NewestQueue queue_;
  fiber::Event work_;
  fiber::Event stop_;
};

// Receiving volatile events: every process gets all of them, without groups, acknowledgements or retries. Handed out
// one at a time; while the handler is busy the newest of each key replaces older ones.
class LiveFeed : public std::enable_shared_from_this<LiveFeed> {
 public:
  LiveFeed(Context context, std::shared_ptr<const Subscription> subscription, std::vector<std::string> types);
  void Start();
  bool Stop(Duration timeout);

 private:
  void Fetch();
  void HandOut();
  bool Fresh(const Event& event) const;
  void Put(Event event);

  Context context_;
  const std::shared_ptr<const Subscription> subscription_;
  const std::vector<std::string> types_;
  NewestQueue queue_;
  fiber::Event work_;
  fiber::Event stop_;
  fiber::Gate gate_;
};

}  // namespace quantum::bus
