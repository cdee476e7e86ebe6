#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace quantum {

using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;                                 // UTC; may jump
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;  // never jumps

// Time as an argument, so that logic can be tested without waiting. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime Steady() const = 0;
  // Like Steady, and it goes on while the machine is suspended: for what another machine may take for expired.
  virtual SteadyTime Boot() const { return Steady(); }
};

// The machine's clocks. One instance for the process.
const Clock& SystemClock();

// A clock that moves only when told: for tests and simulators. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(std::chrono::seconds(1'700'000'000))) : now_(start) {}
  WallTime Now() const override { return now_; }
  SteadyTime Steady() const override { return steady_; }
  void Advance(Duration step) {
    now_ += step;
    steady_ += step;
  }

 private:
  WallTime now_;
  SteadyTime steady_{std::chrono::hours(1)};
};

int64_t ToUnixNs(WallTime time);
int64_t ToUnixMs(WallTime time);
WallTime FromUnixNs(int64_t ns);
// What nanoseconds in 64 bits cannot tell (before 1677, after 2262) becomes the nearest time that they can.
WallTime FromUnixMs(int64_t ms);

// "2026-11-23T14:53:20.123Z": UTC, milliseconds.
std::string FormatIso8601(WallTime time);

// The reverse of FormatIso8601 (fraction of 0 to 9 digits; must end in Z), from 1678 to 2261.
Result<WallTime> ParseIso8601(std::string_view text);

}  // namespace quantum
