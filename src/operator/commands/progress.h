#pragma once

#include <functional>

#include "operator/commands/command.h"

namespace quantum::operate {

// For long work: percent, 0 to 100. On a terminal one line that grows, else one each ten percent, on standard error;
// with --json nothing.
std::function<void(int)> ShowPercent(const Context& context);

// The same for what counts: done, and how many there are.
std::function<void(int64_t, int64_t)> ShowCount(const Context& context);

}  // namespace quantum::operate
