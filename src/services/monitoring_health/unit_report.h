#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/lifecycle/health.h"

// What is known of each unit of the platform, and what that makes of the whole. No I/O.
namespace quantum::monitoring_health {

using lifecycle::HealthStatus;

// What an answer says. DEGRADED and DOWN come with a reason.
struct Verdict {
  HealthStatus status = HealthStatus::kDown;
  std::string error;                                 // empty: none
  std::string details;                               // a JSON object; empty: none
  std::map<std::string, HealthStatus> dependencies;  // as a service reports of itself
  std::map<std::string, std::string> degraded;       // its own word on itself: topic → reason
  std::string beside_topics;                         // the part of error that is of no topic
};

// A service's answer to GET /health. An answer that is no health report is DOWN and says what is wrong with it, as is
// the report of another service: a stranger holds the port.
Verdict JudgeServiceAnswer(std::string_view unit, int http_status, std::string_view body);

// A text among the metrics of a service's report ("ess" of risk-safety).
std::optional<std::string> MetricOf(const Verdict& verdict, std::string_view name);

// The answer of a server that is asked over HTTP (the gateway, Prometheus): 2xx is OK.
Verdict JudgeHttpAnswer(int http_status, std::string_view path);

struct UnitReport {
  std::string name;
  std::string kind;  // "service" or "server"
  HealthStatus status = HealthStatus::kDown;
  Duration latency{};
  std::string error;    // empty: none
  std::string details;  // a JSON object; empty: none
};

// A node of Postgres, as its Patroni answers GET /patroni. One that does not serve is DEGRADED, and so is a primary
// without a synchronous standby. https://patroni.readthedocs.io/en/latest/rest_api.html
Verdict JudgePatroniAnswer(std::string_view body);

// A database that accepts connections may still refuse to work. Where a service reports that it cannot use
// `dependency`, the unit that provides it is at least DEGRADED and says who complains.
void ApplyComplaints(std::vector<UnitReport>& units, const std::map<std::string, Verdict>& services,
                     std::string_view dependency, std::string_view provider);

// How much of the platform stands. DOWN: an essential unit is DOWN, or more than half of a group of equals (names that
// differ only in their trailing number: redis-1, redis-2, …). DEGRADED: anything else is not OK.
HealthStatus Aggregate(const std::vector<UnitReport>& units, const std::vector<std::string>& essential);

// "redis" of "redis-2"; a name without a trailing number is its own group.
std::string_view GroupOf(std::string_view name);

struct SystemReport {
  HealthStatus status = HealthStatus::kDown;
  WallTime checked_at;
  std::string mode;    // PAPER, TESTNET, LIVE
  std::string market;  // a JSON object: where prices come from
  std::vector<UnitReport> units;
};

// {status, checked_at, mode, market, units: [{name, kind, status, latency_ms, error, details}]}
std::string ToJson(const SystemReport& report);

// The event's payload: {status, checked_at, mode, not_ok: {unit: status}}.
std::string SnapshotPayload(const SystemReport& report);

}  // namespace quantum::monitoring_health
