#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/cluster.h"

namespace quantum::simulation {

// Requests on their way to nodes and answers on their way back, as bytes of the protocol. Between connections there is
// no order; on one a client asks one thing at a time. Each may be lost, with its connection, and a request that nobody
// waits for any more may still arrive.
class Network {
 public:
  Network(Cluster& cluster, ManualClock& clock, Visits& visits) : cluster_(cluster), clock_(clock), visits_(visits) {}

  // Numbers are never used twice. with_isolated: the client's side while a node is isolated.
  uint64_t Send(size_t node, bool with_isolated, const std::vector<redis::Command>& commands);

  enum class State { kOnItsWay, kAnswered, kBroken };
  State StateOf(uint64_t call) const;
  std::string TakeAnswer(uint64_t call);
  // The client waits no longer; what has not arrived may arrive all the same.
  void Abandon(uint64_t call, bool may_arrive);

  void Deliver(Choices& choices);
  void Lose(Choices& choices);
  void Repeat(Choices& choices);
  void GiveUpWait();  // those whose time is over
  // Everything that can arrive does.
  void DeliverAll();
  void BreakConnectionsOf(const std::vector<size_t>& nodes);
  // How often the node's connections were broken: who has an older one has none.
  uint64_t breaks(size_t node) const { return breaks_.at(node); }
  size_t size() const { return calls_.size(); }

 private:
  enum class Phase { kToNode, kWaiting, kToClient, kArrived };
  struct Call {
    uint64_t number = 0;
    size_t node = 0;
    bool with_isolated = false;
    Phase phase = Phase::kToNode;
    bool abandoned = false;
    std::string bytes;  // of the request, then of the answer
    std::vector<redis::Reply> replies;
    uint64_t offset = 0;  // kWaiting: what the replicas must have
    size_t replicas = 0;
    SteadyTime since{};
  };
  void Advance(size_t at);
  void Execute(Call& call);
  void Answer(Call& call);
  void Erase(size_t at);
  const Call* Find(uint64_t number) const;

  Cluster& cluster_;
  ManualClock& clock_;
  Visits& visits_;
  std::vector<Call> calls_;
  std::array<uint64_t, kNodes> breaks_{};
  uint64_t numbers_ = 0;
};

}  // namespace quantum::simulation
