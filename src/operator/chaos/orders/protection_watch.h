#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/clock.h"

namespace quantum::operate::chaos {

// How long each position stands at the exchange without a stop there, while the exchange works. No I/O.
class ProtectionWatch {
 public:
  static constexpr Duration kMost = std::chrono::seconds(15);
  // Looks further apart than this have an exchange between them that did not answer: that time does not count.
  static constexpr Duration kApartMost = std::chrono::seconds(2);

  // What the exchange said at a time: symbols with a position, and those of them that a stop protects.
  void See(SteadyTime now, const std::set<std::string>& held, const std::set<std::string>& stopped);

  // The longest that one was without, since the last call; where it still is, that goes on.
  Duration TakeLongest() { return std::exchange(longest_, Duration{}); }
  // Each time that one was unprotected for longer than kMost, in words.
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  std::map<std::string, Duration> unprotected_;
  std::set<std::string> told_;
  SteadyTime last_{};
  Duration longest_{};
  std::vector<std::string> violations_;
};

}  // namespace quantum::operate::chaos
