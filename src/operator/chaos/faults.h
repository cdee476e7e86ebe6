#pragma once

#include <vector>

#include "operator/chaos/stage.h"

namespace quantum::operate::chaos {

// One way to break the bus. strike breaks, waits as long as the fault lasts, and heals (what was killed runs again);
// an error: it could not be done.
struct Fault {
  const char* name;
  bool needs_network = false;  // namespaces of our own
  bool needs_small_disk = false;
  Status (*strike)(Stage& stage);
};

const std::vector<Fault>& Faults();
const Fault* FindFault(std::string_view name);

// The negative control's: the master cut off for 12 s with a producer at its side, which dies before the healing.
Status PartitionWithDeath(Stage& stage);

// Faults in random order, each as often as any other.
class Deck {
 public:
  Deck(std::vector<const Fault*> faults, Random& random) : faults_(std::move(faults)), random_(random) {}
  const Fault& Draw();

 private:
  const std::vector<const Fault*> faults_;
  Random& random_;
  std::vector<const Fault*> left_;
};

}  // namespace quantum::operate::chaos
