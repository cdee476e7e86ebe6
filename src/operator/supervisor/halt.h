#pragma once

#include <string>

#include "operator/state/layout.h"
#include "platform/base/clock.h"

namespace quantum::operate {

// Halts new entries by the flag on disk, which execution looks at every second and before it sends anything. A halt of
// the operator that stands already is left as it is; one of the emergency stop, which ends by itself, is replaced.
Status HaltEntries(const Layout& layout, const std::string& reason, WallTime now);

}  // namespace quantum::operate
