#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "services/monitoring_health/alert_book.h"

// A service that is DEGRADED names its reasons by topic, and each topic is an alert of its own: an unprotected position
// must not hide behind a halt that stands already. No I/O.
namespace quantum::monitoring_health {

struct TopicAlert {
  std::string key;  // service_degraded:execution:unprotected
  Severity severity = Severity::kWarning;
  std::string summary;
};

// Every topic's alert has a key that begins so.
std::string TopicPrefix(std::string_view unit);

// At most kTopicsMax of them: topics come from another process. What is no letter, digit, '.', '_' or '-' in a topic is
// '-' in its key.
inline constexpr size_t kTopicsMax = 32;
std::vector<TopicAlert> TopicAlerts(std::string_view unit, const std::map<std::string, std::string>& degraded);

// The component of service_health_status, as the service itself names it: "execution-service"; a server and the paper
// exchange go by their unit.
std::string ComponentOf(std::string_view unit, std::string_view kind);

}  // namespace quantum::monitoring_health
