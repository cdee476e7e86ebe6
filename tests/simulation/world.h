#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/publisher.h"
#include "tests/simulation/subscriber.h"

namespace quantum::simulation {

// The event bus in one thread, without I/O: a broker of three nodes, two producers and two groups, moved on by steps.
// The same steps always lead to the same end.
class World {
 public:
  explicit World(Rules rules = {});
  ~World();

  void Take(const Step& step);

  struct Outcome {
    operate::chaos::Verdict verdict;
    std::string trouble;  // besides the verdict: what did not converge, or outgrew its bound
    std::vector<std::string> examples;
    bool good() const { return verdict.good() && trouble.empty(); }
  };
  // Ends all faults, lets everything come to rest, and judges. Once.
  Outcome Finish();

  const Visits& visits() const { return visits_; }

 private:
  struct Slot;  // a producer's name: its processes and its disks
  struct Reader {
    std::string group;
    Inbox inbox;
    bool has_inbox = false;
    std::unique_ptr<Subscriber> process;
  };
  void StartPublisher(Slot& slot, std::shared_ptr<Disk> disk, bool twin);
  void StartSubscriber(Reader& reader);
  void Produce(Kind kind, Choices& choices);
  void Consume(Kind kind, Choices& choices);
  void Break(Kind kind, Choices& choices);
  void CopyDisk(Slot& slot, Publisher& publisher);
  void RestoreDisk(Slot& slot, size_t process);
  void EndFenced(Slot& slot);
  void CheckBounds();
  // True once nothing waits anywhere.
  bool Rest();
  std::string WhatWaits() const;  // empty: nothing
  void Collect();

  const Rules rules_;
  ManualClock clock_;
  Visits visits_;
  Audit audit_;
  Cluster cluster_;
  Network network_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Reader> readers_;
  uint64_t starts_ = 0;
  uint64_t lines_ = 0;
  std::string trouble_;
};

}  // namespace quantum::simulation
