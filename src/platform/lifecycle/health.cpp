#include "platform/lifecycle/health.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <regex>

namespace quantum::lifecycle {
namespace {

namespace json = boost::json;

// The text as an object; text that is none is kept as it is under "text", so that nothing is hidden.
json::object ObjectOf(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  json::error_code error;
  json::value value = json::parse(text, error);
  if (!error && value.is_object()) {
    return std::move(value.get_object());
  }
  return {{"text", text}};
}

double Milliseconds(Duration duration) {
  return std::round(std::chrono::duration<double, std::milli>(duration).count() * 1000) / 1000;
}

json::object ToJson(const DependencyHealth& dependency) {
  return {{"status", ToString(dependency.status)},
          {"latency_ms", Milliseconds(dependency.latency)},
          {"error", dependency.error.empty() ? json::value(nullptr) : json::value(dependency.error)},
          {"details", ObjectOf(dependency.details)}};
}

}  // namespace

std::string_view ToString(HealthStatus status) {
  return status == HealthStatus::kOk ? "OK" : status == HealthStatus::kDegraded ? "DEGRADED" : "DOWN";
}

double ToGauge(HealthStatus status) {
  return status == HealthStatus::kOk ? 1.0 : status == HealthStatus::kDegraded ? 0.5 : 0.0;
}

bool SameButForDurations(std::string_view a, std::string_view b) {
  static const std::regex duration(R"([0-9]+(\.[0-9]+)? (ms|s|min|h)\b)");
  const auto untimed = [](std::string_view text) { return std::regex_replace(std::string(text), duration, "#"); };
  return untimed(a) == untimed(b);
}

DependencyHealth Judge(const Result<std::string>& answer, Duration latency, Duration slow, bool required) {
  if (!answer.ok()) {
    return {HealthStatus::kDown, required, latency, answer.error().message, {}};
  }
  return {latency > slow ? HealthStatus::kDegraded : HealthStatus::kOk, required, latency, {}, *answer};
}

HealthStatus Overall(const HealthFacts& facts, const HealthSnapshot& snapshot) {
  const auto& dependencies = snapshot.dependencies;
  const bool down = std::any_of(dependencies.begin(), dependencies.end(), [](const auto& entry) {
    return entry.second.required && entry.second.status == HealthStatus::kDown;
  });
  if (down || !facts.main_loop_alive) {
    return HealthStatus::kDown;
  }
  const bool degraded = std::any_of(dependencies.begin(), dependencies.end(),
                                    [](const auto& entry) { return entry.second.status != HealthStatus::kOk; });
  return degraded || !snapshot.degraded.empty() ? HealthStatus::kDegraded : HealthStatus::kOk;
}

std::string HealthJson(const HealthFacts& facts, const HealthSnapshot& snapshot) {
  json::object dependencies;
  for (const auto& [name, dependency] : snapshot.dependencies) {
    dependencies[name] = ToJson(dependency);
  }
  json::object degraded;
  for (const auto& [topic, reason] : snapshot.degraded) {
    degraded[topic] = reason;
  }
  json::object metrics{{"phase", facts.phase},
                       {"mode", facts.mode},
                       {"paused", facts.paused},
                       {"main_loop_alive", facts.main_loop_alive},
                       {"degraded", std::move(degraded)}};
  for (auto& [name, value] : ObjectOf(snapshot.component_metrics)) {
    metrics.insert_or_assign(name, std::move(value));
  }
  const json::object health{{"service", facts.service},
                            {"status", ToString(Overall(facts, snapshot))},
                            {"version", facts.version},
                            {"timestamp", FormatIso8601(facts.now)},
                            {"uptime_seconds", std::floor(Milliseconds(facts.uptime)) / 1000},
                            {"dependencies", std::move(dependencies)},
                            {"metrics", std::move(metrics)}};
  return json::serialize(health);
}

}  // namespace quantum::lifecycle
