#pragma once

#include <string_view>

namespace quantum::lifecycle {

// STARTING → READY → DRAINING → STOPPED; a process that is told to stop while it starts skips READY. STANDBY: it starts
// as far as it may while another process of its service does the work.
enum class Phase { kStarting, kStandby, kReady, kDraining, kStopped };

constexpr std::string_view ToString(Phase phase) {
  constexpr std::string_view kNames[] = {"STARTING", "STANDBY", "READY", "DRAINING", "STOPPED"};
  return kNames[static_cast<int>(phase)];
}

}  // namespace quantum::lifecycle
