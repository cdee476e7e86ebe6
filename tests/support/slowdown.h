#pragma once

namespace quantum::testing {

// How much longer a wait may take where a sanitizer slows down the programs under test (two to five times as much work,
// on processors that do not get more): Eventually and Process::Stop multiply their bounds by it, and CMake the tests'
// time limits. One factor for all.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSlowdown = 3;
#else
inline constexpr int kSlowdown = 1;
#endif

}  // namespace quantum::testing
