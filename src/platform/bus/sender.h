#pragma once

#include <functional>
#include <string>
#include <vector>

#include "platform/bus/broker.h"
#include "platform/bus/outbox.h"
#include "platform/bus/sequence_waiters.h"
#include "platform/fiber/fiber.h"

namespace quantum::bus {

// Moves what the outbox holds to the broker, in order and without a repeat, across failovers: after every reconnect it
// asks what the broker has and goes on there. What earlier lives of this producer left in a stream goes before what
// this one adds to it. One fiber.
class Sender {
 public:
  struct Callbacks {
    // The broker and its replicas hold a lane's events up to a sequence.
    std::function<void(size_t, uint64_t)> confirmed;
    // Another process has taken over this producer's name: nothing more is sent.
    std::function<void(const std::string&)> fenced;
  };

  // session: of this life of the process; a later life's is greater.
  Sender(redis::Client& redis, Outbox& outbox, size_t batch_max, int replicas_required, std::string session,
         const Clock& clock, Callbacks callbacks)
      : broker_(redis, replicas_required, std::move(session)),
        outbox_(outbox),
        batch_max_(batch_max),
        clock_(clock),
        callbacks_(std::move(callbacks)) {}

  void Run();  // the fiber's body; returns after Stop()
  void Stop();
  void Wake() { work_.Set(); }

  // False when the time passed first; the event stays and will be sent.
  bool AwaitConfirmed(const Outbox::Ticket& ticket, Duration timeout);
  bool AwaitEmpty(Duration timeout);
  bool connected() const { return broker_.connected(); }
  const std::string& trouble() const;  // why events wait; empty when the last attempt with each stream succeeded

 private:
  struct LaneState {
    uint64_t sent = 0;         // the broker holds everything up to here, as far as this connection knows
    SteadyTime rests_until{};  // the broker refused: the stream is over its quota
    std::string refusal;       // the last one; empty when it was taken since
  };

  Status Resume();
  std::vector<Broker::Batch> Collect(std::vector<size_t>& lanes);
  void Rest();
  void Confirm(size_t lane, const Broker::Batch& batch, uint64_t last);
  void Complain(const Error& error);
  void Refused(size_t lane, const Error& error);
  void Fenced(const Error& error);
  LaneState& state(size_t lane);
  bool ComesAfterAnother(size_t lane) const;

  Broker broker_;
  Outbox& outbox_;
  const size_t batch_max_;
  const Clock& clock_;
  const Callbacks callbacks_;
  std::vector<LaneState> lanes_;
  SequenceWaiters waiters_;
  std::string trouble_;
  fiber::Event work_;
  fiber::Event stop_;
};

}  // namespace quantum::bus
