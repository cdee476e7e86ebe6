#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// What /health says, without I/O.
namespace quantum::lifecycle {

enum class HealthStatus { kOk, kDegraded, kDown };
std::string_view ToString(HealthStatus status);  // "OK", "DEGRADED", "DOWN"
double ToGauge(HealthStatus status);             // 1, 0.5, 0

struct DependencyHealth {
  HealthStatus status = HealthStatus::kDown;
  bool required = true;
  Duration latency{};
  std::string error;    // empty: none
  std::string details;  // a JSON object; empty: none
};

// An error is DOWN, an answer slower than `slow` DEGRADED. A good answer's text is the details.
DependencyHealth Judge(const Result<std::string>& answer, Duration latency, Duration slow, bool required);

// Whether two reasons say the same and differ in durations alone ("nothing has come for 3.1 s", "... for 3.4 s").
bool SameButForDurations(std::string_view a, std::string_view b);

// What was found out at one moment, on the main loop.
struct HealthSnapshot {
  SteadyTime taken{};
  std::map<std::string, DependencyHealth> dependencies;
  std::map<std::string, std::string> degraded;  // topic -> reason, as the service says of itself
  std::string component_metrics;                // a JSON object; empty: none
};

struct HealthFacts {
  std::string service;
  std::string version;
  std::string mode;
  std::string phase;
  bool paused = false;
  bool main_loop_alive = true;
  WallTime now;
  Duration uptime{};
};

// DOWN: the main loop stands still, or a required dependency is DOWN. DEGRADED: any other dependency is not OK, or the
// service says so.
HealthStatus Overall(const HealthFacts& facts, const HealthSnapshot& snapshot);

// {service, status, version, timestamp, uptime_seconds, dependencies: {name: {status, latency_ms, error, details}},
// metrics}. `metrics` holds phase, mode, paused, degraded and what the component adds.
std::string HealthJson(const HealthFacts& facts, const HealthSnapshot& snapshot);

}  // namespace quantum::lifecycle
