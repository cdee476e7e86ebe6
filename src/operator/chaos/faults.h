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

// The negative control's: the master cut off, with a producer at its side, until there is another one and 4 s longer;
// the producer dies before the healing.
Status PartitionWithDeath(Stage& stage);

}  // namespace quantum::operate::chaos
