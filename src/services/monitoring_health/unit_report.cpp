#include "services/monitoring_health/unit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace quantum::monitoring_health {
namespace {

namespace json = boost::json;
using lifecycle::ToString;

constexpr size_t kReasonBytesMax = 300;

std::optional<HealthStatus> ParseStatus(const json::value* value) {
  if (value == nullptr || !value->is_string()) {
    return std::nullopt;
  }
  const std::string_view text = value->get_string();
  return text == "OK"         ? std::optional(HealthStatus::kOk)
         : text == "DEGRADED" ? std::optional(HealthStatus::kDegraded)
         : text == "DOWN"     ? std::optional(HealthStatus::kDown)
                              : std::nullopt;
}

std::string TextOf(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

const json::object* ObjectOf(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_object();
}

// The beginning of a text from outside, fit for a sentence.
std::string Excerpt(std::string_view text) {
  std::string excerpt;
  for (const char c : text.substr(0, 60)) {
    excerpt += c >= ' ' && c <= '~' ? c : '.';
  }
  return text.size() > 60 ? excerpt + "…" : excerpt;
}

Verdict Malformed(std::string what) { return {.status = HealthStatus::kDown, .error = std::move(what)}; }

void AddReason(std::string& reasons, const std::string& reason) {
  if (reasons.size() < kReasonBytesMax) {
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
}

// Which of its dependencies are not OK, with their errors.
std::string DependencyReasons(const json::object& report) {
  std::string reasons;
  if (const json::object* dependencies = ObjectOf(report, "dependencies")) {
    for (const auto& [name, value] : *dependencies) {
      const json::object* dependency = value.if_object();
      if (dependency == nullptr || TextOf(*dependency, "status") == "OK") {
        continue;
      }
      const std::string error = TextOf(*dependency, "error");
      AddReason(reasons, fmt::format("{} is {}{}{}", std::string_view(name), TextOf(*dependency, "status"),
                                     error.empty() ? "" : ": ", error));
    }
  }
  return reasons;
}

// What it says of itself, by topic.
std::map<std::string, std::string> TopicsOf(const json::object& report) {
  std::map<std::string, std::string> topics;
  const json::object* metrics = ObjectOf(report, "metrics");
  if (const json::object* degraded = metrics == nullptr ? nullptr : ObjectOf(*metrics, "degraded")) {
    for (const auto& [topic, reason] : *degraded) {
      topics.emplace(topic, TextOf(*degraded, topic));
    }
  }
  return topics;
}

json::value DetailsOf(const std::string& details) {
  json::error_code error;
  json::value value = details.empty() ? json::value() : json::parse(details, error);
  return !error && value.is_object() ? value : json::value(json::object());
}

}  // namespace

Verdict JudgeServiceAnswer(std::string_view unit, int http_status, std::string_view body) {
  // /health is 503 when DOWN; its body counts, not its code.
  if (http_status != 200 && http_status != 503) {
    return Malformed(fmt::format("answered /health with HTTP status {}", http_status));
  }
  json::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) {
    return Malformed(fmt::format("answered /health with something that is no health report: '{}'", Excerpt(body)));
  }
  const json::object& report = value.get_object();
  const std::string service = TextOf(report, "service");
  // `execution-standby` is a second process of `execution-service`.
  constexpr std::string_view kStandby = "-standby";
  const std::string_view first = unit.ends_with(kStandby) ? unit.substr(0, unit.size() - kStandby.size()) : unit;
  if (service != first && service != fmt::format("{}-service", first)) {
    return Malformed(service.empty() ? "its health report does not name the service"
                                     : fmt::format("its port is answered by '{}'", Excerpt(service)));
  }
  const auto status = ParseStatus(report.if_contains("status"));
  if (!status) {
    return Malformed("its health report has no status of OK, DEGRADED or DOWN");
  }
  Verdict verdict{.status = *status};
  if (const json::value* dependencies = report.if_contains("dependencies")) {
    if (!dependencies->is_object()) {
      return Malformed("the dependencies of its health report are no object");
    }
    for (const auto& [name, each] : dependencies->get_object()) {
      const auto of = each.is_object() ? ParseStatus(each.get_object().if_contains("status")) : std::nullopt;
      if (!of) {
        return Malformed(fmt::format("its health report has no status for the dependency '{}'", Excerpt(name)));
      }
      verdict.dependencies[std::string(name)] = *of;
    }
  }
  if (*status != HealthStatus::kOk) {
    verdict.degraded = TopicsOf(report);
    verdict.beside_topics = DependencyReasons(report);
    verdict.error = verdict.beside_topics;
    for (const auto& [topic, reason] : verdict.degraded) {
      AddReason(verdict.error, fmt::format("{}: {}", topic, reason));
    }
    verdict.error = verdict.error.empty() ? "reports itself " + std::string(ToString(*status)) : verdict.error;
  }
  json::object details{{"version", TextOf(report, "version")}};
  for (const char* name : {"uptime_seconds", "dependencies", "metrics"}) {
    if (const json::value* part = report.if_contains(name)) {
      details[name] = *part;
    }
  }
  verdict.details = json::serialize(details);
  return verdict;
}

std::optional<std::string> MetricOf(const Verdict& verdict, std::string_view name) {
  const json::value details = DetailsOf(verdict.details);
  const json::object* metrics = ObjectOf(details.get_object(), "metrics");
  std::string text = metrics == nullptr ? std::string() : TextOf(*metrics, name);
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

Verdict JudgeHttpAnswer(int http_status, std::string_view path) {
  return http_status / 100 == 2 ? Verdict{.status = HealthStatus::kOk}
                                : Malformed(fmt::format("answered {} with HTTP status {}", path, http_status));
}

Verdict JudgePatroniAnswer(std::string_view body) {
  json::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object() || !value.get_object().contains("state")) {
    return Malformed(fmt::format("answered /patroni with something that is no report of a node: '{}'", Excerpt(body)));
  }
  const json::object& report = value.get_object();
  const std::string role = TextOf(report, "role");
  const bool primary = role == "master" || role == "primary";
  Verdict verdict{.status = HealthStatus::kOk};
  json::object details{{"state", TextOf(report, "state")}, {"role", primary ? "primary" : "standby"}};
  if (const json::value* timeline = report.if_contains("timeline")) {
    details["timeline"] = *timeline;
  }
  if (TextOf(report, "state") != "running") {
    verdict.status = HealthStatus::kDegraded;
    verdict.error = fmt::format("Postgres is '{}'", TextOf(report, "state"));
  } else if (primary) {
    const json::value* standbys = report.if_contains("replication");
    bool synchronous = false;
    for (const json::value& each :
         standbys != nullptr && standbys->is_array() ? standbys->get_array() : json::array()) {
      const std::string state = each.is_object() ? TextOf(each.get_object(), "sync_state") : "";
      synchronous = synchronous || state == "sync" || state == "quorum";
    }
    details["synchronous"] = synchronous;
    if (!synchronous) {
      verdict.status = HealthStatus::kDegraded;
      verdict.error = "a primary without a synchronous standby: what is committed is on one node alone";
    }
  }
  verdict.details = json::serialize(details);
  return verdict;
}

void ApplyComplaints(std::vector<UnitReport>& units, const std::map<std::string, Verdict>& services,
                     std::string_view dependency, std::string_view provider) {
  const auto unit = std::find_if(units.begin(), units.end(), [&](const auto& each) { return each.name == provider; });
  if (unit == units.end() || unit->status != HealthStatus::kOk) {
    return;
  }
  for (const auto& [name, verdict] : services) {
    const auto found = verdict.dependencies.find(std::string(dependency));
    if (found != verdict.dependencies.end() && found->second == HealthStatus::kDown) {
      unit->status = HealthStatus::kDegraded;
      unit->error = fmt::format("it answers, but {} cannot work with it", name);
      return;
    }
  }
}

std::string_view GroupOf(std::string_view name) {
  const size_t end = name.find_last_not_of("0123456789");
  return end == std::string_view::npos || end + 1 == name.size() || name[end] != '-' ? name : name.substr(0, end);
}

HealthStatus Aggregate(const std::vector<UnitReport>& units, const std::vector<std::string>& essential) {
  HealthStatus worst = HealthStatus::kOk;
  std::map<std::string_view, std::pair<size_t, size_t>> groups;  // of equals: all, DOWN
  for (const UnitReport& unit : units) {
    const bool down = unit.status == HealthStatus::kDown;
    if (unit.status != HealthStatus::kOk) {
      worst = HealthStatus::kDegraded;
    }
    if (down && std::find(essential.begin(), essential.end(), unit.name) != essential.end()) {
      return HealthStatus::kDown;
    }
    if (const std::string_view group = GroupOf(unit.name); group != unit.name) {
      auto& [all, away] = groups[group];
      ++all;
      away += down ? 1 : 0;
    }
  }
  const bool lost = std::any_of(groups.begin(), groups.end(),
                                [](const auto& group) { return 2 * group.second.second > group.second.first; });
  return lost ? HealthStatus::kDown : worst;
}

std::string ToJson(const SystemReport& report) {
  json::array units;
  for (const UnitReport& unit : report.units) {
    const double ms = std::chrono::duration<double, std::milli>(unit.latency).count();
    units.push_back({{"name", unit.name},
                     {"kind", unit.kind},
                     {"status", ToString(unit.status)},
                     {"latency_ms", std::round(ms * 1000) / 1000},
                     {"error", unit.error.empty() ? json::value(nullptr) : json::value(unit.error)},
                     {"details", DetailsOf(unit.details)}});
  }
  return json::serialize(json::object{{"status", ToString(report.status)},
                                      {"checked_at", FormatIso8601(report.checked_at)},
                                      {"mode", report.mode},
                                      {"market", DetailsOf(report.market)},
                                      {"units", std::move(units)}});
}

std::string SnapshotPayload(const SystemReport& report) {
  json::object not_ok;
  for (const UnitReport& unit : report.units) {
    if (unit.status != HealthStatus::kOk) {
      not_ok[unit.name] = ToString(unit.status);
    }
  }
  return json::serialize(json::object{{"status", ToString(report.status)},
                                      {"checked_at", FormatIso8601(report.checked_at)},
                                      {"mode", report.mode},
                                      {"units", report.units.size()},
                                      {"not_ok", std::move(not_ok)}});
}

}  // namespace quantum::monitoring_health
