#include "services/monitoring_health/topic_alerts.h"

#include <fmt/format.h>

namespace quantum::monitoring_health {
namespace {

constexpr size_t kTopicBytesMax = 64;

std::string KeyPart(std::string_view topic) {
  std::string part;
  for (const char c : topic.substr(0, kTopicBytesMax)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    part += plain ? c : '-';
  }
  return part;
}

// A position without its stop loses money by the minute; nothing else that a service says of itself does.
Severity SeverityOf(std::string_view topic) {
  return topic == "unprotected" ? Severity::kCritical : Severity::kWarning;
}

}  // namespace

std::string TopicPrefix(std::string_view unit) { return fmt::format("service_degraded:{}:", unit); }

std::vector<TopicAlert> TopicAlerts(std::string_view unit, const std::map<std::string, std::string>& degraded) {
  std::vector<TopicAlert> alerts;
  for (const auto& [topic, reason] : degraded) {
    if (alerts.size() == kTopicsMax) {
      break;
    }
    alerts.push_back({TopicPrefix(unit) + KeyPart(topic), SeverityOf(topic),
                      fmt::format("{} is degraded: {}: {}", unit, topic, reason)});
  }
  return alerts;
}

std::string ComponentOf(std::string_view unit, std::string_view kind) {
  return kind == "service" && unit != "paper-exchange" ? fmt::format("{}-service", unit) : std::string(unit);
}

}  // namespace quantum::monitoring_health
