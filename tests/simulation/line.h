#pragma once

#include <optional>
#include <vector>

#include "platform/redis/discovery.h"
#include "tests/simulation/network.h"

namespace quantum::simulation {

// A client's connection to the master: finds it through the sentinels, verifies its ROLE, asks, and notices that it
// broke. As Client and Connection of platform/redis, with their decisions.
class Line {
 public:
  Line(Network& network, const Cluster& cluster, const ManualClock& clock, Visits& visits, bool with_isolated)
      : network_(network), cluster_(cluster), clock_(clock), visits_(visits), with_isolated_(with_isolated) {}

  // Connects only to the node that the other line is connected to, as Client::Dedicated does.
  void set_via(const Line* other) { via_ = other; }

  // One step towards being connected, or towards the answer.
  void Advance(Choices& choices);
  bool connected() const { return state_ == State::kUp; }
  bool idle() const { return state_ == State::kUp && !call_; }
  // Rises with every new connection.
  uint64_t epoch() const { return epoch_; }

  void Ask(const std::vector<redis::Command>& commands);
  // When the question was asked whose answer Take gives.
  SteadyTime asked() const { return asked_; }
  std::optional<std::vector<redis::Reply>> Take();
  void Drop(bool may_arrive);
  void set_with_isolated(bool with_isolated) { with_isolated_ = with_isolated; }

 private:
  enum class State { kDown, kFinding, kRole, kUp };
  void Begin(Choices& choices);
  void AskSentinel(Choices& choices);
  void Hear(redis::Discovery& discovery, size_t sentinel, bool answers) const;
  void AskRole();
  bool SentinelsNameAnother() const;
  void Judge();
  std::vector<redis::Reply> Parse(const std::string& bytes, Choices& choices) const;

  Network& network_;
  const Cluster& cluster_;
  const ManualClock& clock_;
  Visits& visits_;
  bool with_isolated_;
  const Line* via_ = nullptr;
  State state_ = State::kDown;
  std::optional<redis::Discovery> discovery_;
  std::vector<size_t> unasked_;
  redis::Discovery::Verdict verdict_;
  std::optional<redis::Endpoint> last_master_;
  size_t node_ = 0;
  SteadyTime connected_at_{};
  uint64_t breaks_ = 0;  // of the node, when the connection was made
  std::optional<uint64_t> call_;
  size_t expected_ = 0;
  SteadyTime asked_{};
  std::optional<std::vector<redis::Reply>> answer_;
  uint64_t epoch_ = 0;
};

}  // namespace quantum::simulation
