#pragma once

#include "operator/state/layout.h"
#include "platform/base/result.h"

namespace quantum::operate {

// Stops every unit in reverse order of dependence, and the supervisor; says which unit is stopped. Units outlive keeper
// and supervisor when both were killed, and the supervisor may die while it stops them: all of them are stopped all the
// same. kUnavailable: nothing runs.
Status StopEverything(const Layout& layout);

}  // namespace quantum::operate
