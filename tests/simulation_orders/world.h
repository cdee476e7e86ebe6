#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation_orders/process.h"

namespace quantum::orders_simulation {

// Execution, its records and a venue in one thread, without I/O, moved on by steps. The same steps always lead to the
// same end.
class World {
 public:
  explicit World(uint64_t seed, Rules rules = {});
  ~World();

  void Take(const Step& step);
  // Ends all faults, lets everything come to rest, and judges. Once. Empty: all that must hold held.
  std::string Finish();
  const std::string& trouble() const { return audit_.trouble(); }

  const Visits& visits() const { return visits_; }

 private:
  struct Approved {
    execution::Plan plan;
    execution::Decision decision;
  };
  void Decide(Choices& choices);
  void DecideClose(Choices& choices);
  void Record(const execution::Approval& approval);
  void CarryOut(Choices& choices);
  void Crash(Choices& choices);
  void Refuse(Choices& choices);
  // Timers fire one after the other.
  void Pass(Duration duration);
  void Report(const exchange::UserEvent& event);
  const std::string& AnySymbol(Choices& choices) const { return symbols_[choices.Below(symbols_.size())]; }

  const Rules rules_;
  ManualClock clock_;
  Visits visits_;
  std::vector<std::string> symbols_;
  VenueModel venue_{visits_};
  Network network_{clock_, venue_, visits_};
  Store store_;
  Audit audit_{venue_, store_, visits_};
  std::unique_ptr<Process> process_;
  std::vector<Approved> recorded_;  // and not yet carried out
  bool postgres_away_ = false;
  uint64_t life_ = 1;
  int decisions_ = 0;
  int64_t invented_ = 0;  // trade ids, for a control
};

}  // namespace quantum::orders_simulation
