#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "platform/bus/broker.h"
#include "platform/bus/outbox.h"
#include "platform/fiber/fiber.h"

namespace quantum::bus {

// Moves what the outbox holds to the broker, in order and without a repeat, across failovers: after every reconnect it
// asks what the broker has and goes on there. One fiber.
class Sender {
 public:
  Sender(redis::Client& redis, Outbox& outbox, size_t batch_max, int replicas_required, const Clock& clock)
      : broker_(redis, replicas_required), outbox_(outbox), batch_max_(batch_max), clock_(clock) {}

  void Run();  // the fiber's body; returns after Stop()
  void Stop();
  void Wake() { work_.Set(); }

  // False when the time passed first; the event stays and will be sent.
  bool AwaitConfirmed(const Outbox::Ticket& ticket, Duration timeout);
  bool AwaitEmpty(Duration timeout);
  bool connected() const { return broker_.connected(); }
  const std::string& trouble() const { return trouble_; }  // why the last attempt failed; empty when it did not

 private:
  struct Waiter {
    uint64_t sequence = 0;
    fiber::Event done;
  };
  struct Progress {
    uint64_t sent = 0;  // the broker holds everything up to here, as far as this connection knows
    std::deque<std::shared_ptr<Waiter>> waiters;  // by sequence
  };

  Status Resume();
  std::vector<Broker::Batch> Collect(std::vector<size_t>& lanes);
  void Rest();
  void Confirm(size_t lane, const Broker::Batch& batch, uint64_t last);
  void Complain(const Error& error);
  Progress& progress(size_t lane);

  Broker broker_;
  Outbox& outbox_;
  const size_t batch_max_;
  const Clock& clock_;
  std::deque<Progress> progress_;
  std::string trouble_;
  fiber::Event work_;
  fiber::Event stop_;
};

}  // namespace quantum::bus
