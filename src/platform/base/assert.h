#pragma once

#include <string_view>

namespace quantum {

// Prints what was broken and where, then aborts. Stays on in production: a process with a broken invariant is safer
// dead (the supervisor brings it back) than trading.
[[noreturn]] void AssertionFailed(std::string_view expression, std::string_view file, int line);

}  // namespace quantum

#define QUANTUM_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::quantum::AssertionFailed(#condition, __FILE__, __LINE__))
