#pragma once

#include <string_view>

namespace quantum::lifecycle {

// STARTING → READY → DRAINING → STOPPED; a process that is told to stop while it starts skips READY.
enum class Phase { kStarting, kReady, kDraining, kStopped };

constexpr std::string_view ToString(Phase phase) {
  constexpr std::string_view kNames[] = {"STARTING", "READY", "DRAINING", "STOPPED"};
  return kNames[static_cast<int>(phase)];
}

}  // namespace quantum::lifecycle
