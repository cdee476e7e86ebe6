#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "operator/chaos/postgres/platform.h"

namespace quantum::operate::chaos {

// One way to break Postgres. strike breaks, says so, waits as long as the fault lasts, and heals; an error: it could
// not be done.
struct PostgresFault {
  const char* name;
  const char* what;            // for the help
  bool needs_machine = false;  // namespaces of our own
  Status (*strike)(Platform& platform, const std::function<void()>& struck);
};

const std::vector<PostgresFault>& PostgresFaults();

// The negative control's: commits do not wait for the standby, which is cut off; then the primary's node is lost until
// the other is primary.
extern const PostgresFault kAsynchronousAndCutOff;

}  // namespace quantum::operate::chaos
