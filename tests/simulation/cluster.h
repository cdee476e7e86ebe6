#pragma once

#include <array>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "platform/base/clock.h"
#include "tests/simulation/commands.h"
#include "tests/simulation/step.h"

namespace quantum::simulation {

// Three Redis nodes with asynchronous replication, and three sentinels, each beside a node. What the platform's
// configuration rests on is kept to: a replica is not promoted when it is further behind than sentinels allow, and one
// that still follows a deposed master is told within seconds.
class Cluster {
 public:
  Cluster(ManualClock& clock, const Rules& rules, Visits& visits);

  // On every node: groups exist before the first event, as the manifest makes them.
  void MakeGroup(const std::string& stream, const std::string& group);

  struct Node {
    bool up = true;
    bool master = false;
    size_t source = 0;   // of a replica: whom it follows
    bool linked = true;  // and whether the link stands
    Store store;
    struct Logged {  // all changes of one command: they are replicated and written together, or not at all
      std::vector<Store::Change> changes;
      SteadyTime at;
    };
    std::deque<Logged> log;                   // of a master, since it is one
    uint64_t history = 0;                     // a number for that log
    uint64_t applied = 0;                     // of a replica: how much of its source's log
    uint64_t source_history = 0;              // and of which
    bool diverged = false;                    // a deposed master that has what the new one lacks
    std::array<uint64_t, kNodes> reported{};  // of a master: what the replicas told
    SteadyTime alone_since{};
    // The append-only file: `file`, and behind it what was written since.
    Store file;
    std::deque<Logged> tail;
  };
  const Node& node(size_t at) const { return nodes_.at(at); }
  // Replicas that follow this master, over a link that stands.
  std::vector<size_t> ReplicasOf(size_t master) const;
  uint64_t LogEnd(size_t master) const { return nodes_.at(master).log.size(); }
  size_t ReplicasThatHave(size_t master, uint64_t offset) const;

  // Runs what a client sent. The node is up.
  std::vector<redis::Reply> Execute(size_t node, const std::vector<redis::Command>& commands);
  redis::Reply RoleOf(size_t node) const;

  // What a sentinel answers to get-master-addr-by-name.
  size_t NamedBy(size_t sentinel) const { return views_.at(sentinel); }
  size_t elected() const { return elected_; }
  // The last failover, as the sentinels' leader announced it. It may take until they name the chosen one.
  struct Election {
    size_t chosen = 0;
    size_t deposed = 0;
    SteadyTime at;
  };
  const std::optional<Election>& election() const { return election_; }
  std::optional<size_t> isolated() const { return isolated_; }
  // Whether a client, on the side of the isolated node or not, reaches a node or the sentinel beside it.
  bool Reaches(bool with_isolated, size_t node) const { return !isolated_ || with_isolated == (node == *isolated_); }

  void Replicate(Choices& choices);
  void Report(Choices& choices);
  void Kill(Choices& choices);
  void Start(Choices& choices);
  void KillAll(Choices& choices);
  void Isolate(Choices& choices);
  void Heal() { isolated_.reset(); }
  void Promote(Choices& choices);
  void Reconfigure(Choices& choices);
  void SetQuota(Choices& choices);
  void Trim();
  void PassTime();  // after the clock has moved: what may not last longer ends

  // All faults end, and everything there is to replicate is.
  void HealAll();
  void Settle();
  // Which node died or was told to follow another since the last call: its clients' connections are broken.
  std::vector<size_t> TakeBroken() { return std::exchange(broken_, {}); }

 private:
  redis::Reply ExecuteOne(size_t node, const redis::Command& command);
  void Commit(size_t master, std::vector<Store::Change> changes);
  void Keep(Node& node, std::vector<Store::Change> changes);
  static void ApplyAll(Store& store, const std::vector<Store::Change>& changes);
  void Follow(size_t replica, size_t master);
  void BeginLog(Node& node);
  bool IsCandidate(size_t replica) const;
  bool GivesUp(Choices& choices);
  bool MayTalk(size_t a, size_t b) const { return !isolated_ || (a == *isolated_) == (b == *isolated_); }
  void UpdateLinks();
  std::optional<SteadyTime> LacksSince(size_t replica) const;
  void ApplyNext(size_t replica);

  ManualClock& clock_;
  const Rules& rules_;
  Visits& visits_;
  std::vector<Node> nodes_;
  std::array<size_t, kNodes> views_{};
  size_t elected_ = 0;
  SteadyTime elected_at_{};
  std::optional<Election> election_;
  std::optional<size_t> isolated_;
  uint64_t histories_ = 0;
  std::vector<size_t> broken_;
};

}  // namespace quantum::simulation
