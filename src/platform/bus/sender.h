#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "platform/bus/broker.h"
#include "platform/bus/sender_core.h"
#include "platform/bus/sequence_waiters.h"
#include "platform/fiber/fiber.h"

namespace quantum::bus {

// Moves what the outbox holds to the broker, in order and without a repeat, across failovers: after every reconnect it
// asks what the broker has and goes on there. What earlier lives of this producer left in a stream goes before what
// this one adds to it. What is decided stands in SenderCore; this is the shell that speaks with the broker. One fiber.
class Sender {
 public:
  struct Callbacks {
    // Connected again after the connection was lost: so many events wait; so many that it had confirmed it lacks now.
    std::function<void(size_t buffered, uint64_t replayed)> recovered;
    // Another process has taken over this producer's name: nothing more is sent.
    std::function<void(const std::string&)> fenced;
  };

  // session: of this life of the process; a later life's is greater.
  Sender(redis::Client& redis, Outbox& outbox, size_t batch_max, int replicas_required, std::string session,
         const Clock& clock, Random& random, Callbacks callbacks)
      : broker_(redis, replicas_required, std::move(session)),
        outbox_(outbox),
        core_(outbox, batch_max),
        clock_(clock),
        random_(random),
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
  Status Connect();
  Status Resume();
  Status Send(const std::vector<SenderCore::Sending>& sendings);
  void Rest();
  void Confirm(const SenderCore::Sending& sending, uint64_t last);
  void Prove(SteadyTime began);
  void Complain(const Error& error);
  void Refused(const SenderCore::Sending& sending, const Error& error);
  void Fenced(const Error& error);

  Broker broker_;
  Outbox& outbox_;
  SenderCore core_;
  const Clock& clock_;
  Random& random_;
  const Callbacks callbacks_;
  SequenceWaiters waiters_;
  std::string trouble_;
  std::map<size_t, std::string> refusals_;  // by lane: the last one, if nothing was taken since
  bool fenced_ = false;
  uint64_t kept_shorter_ = 0;  // events, since it was told last
  SteadyTime told_at_{};
  bool connected_before_ = false;
  fiber::Event work_;
  fiber::Event stop_;
};

}  // namespace quantum::bus
