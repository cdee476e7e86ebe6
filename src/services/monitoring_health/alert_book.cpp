#include "services/monitoring_health/alert_book.h"

#include <algorithm>
#include <boost/json.hpp>

#include "platform/base/assert.h"

namespace quantum::monitoring_health {
namespace {

namespace json = boost::json;

constexpr size_t kTracksMax = 10'000;  // keys come from the manifest, so reaching this is a bug

std::optional<std::string> TextOf(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::optional<std::string>(found->get_string()) : std::nullopt;
}

Result<Alert> ParseAlert(const json::value& value) {
  const json::object* object = value.if_object();
  const auto key = object == nullptr ? std::nullopt : TextOf(*object, "key");
  const auto severity = key ? ParseSeverity(TextOf(*object, "severity").value_or("")) : std::nullopt;
  const auto since = key ? ParseIso8601(TextOf(*object, "since").value_or("")) : Error{Errc::kInvalidArgument, ""};
  if (!severity || !since.ok()) {
    return Error{Errc::kInvalidArgument, "a saved alert has no key, severity or time"};
  }
  return Alert{*key, *severity, TextOf(*object, "summary").value_or(""), *since, std::nullopt};
}

}  // namespace

std::string_view ToString(Severity severity) { return severity == Severity::kCritical ? "critical" : "warning"; }

std::optional<Severity> ParseSeverity(std::string_view text) {
  return text == "critical"  ? std::optional(Severity::kCritical)
         : text == "warning" ? std::optional(Severity::kWarning)
                             : std::nullopt;
}

Change AlertBook::RaiseTrack(Track& track, Alert alert) {
  QUANTUM_ASSERT(!track.alert);
  track.alert = std::move(alert);
  return {Change::Kind::kRaised, *track.alert};
}

Change AlertBook::ClearTrack(Track& track, WallTime when) {
  QUANTUM_ASSERT(track.alert);
  Alert cleared = std::move(*track.alert);
  cleared.cleared = when;
  track = {};
  recent_.push_front(cleared);
  if (recent_.size() > limits_.recent_max) {
    recent_.pop_back();
  }
  return {Change::Kind::kCleared, std::move(cleared)};
}

std::optional<Change> AlertBook::Observe(std::string_view key, Finding finding, Severity severity,
                                         std::string_view summary, WallTime now) {
  if (finding == Finding::kUnknown) {
    return std::nullopt;
  }
  auto found = tracks_.find(key);
  if (found == tracks_.end()) {
    if (finding == Finding::kGood) {
      return std::nullopt;
    }
    QUANTUM_ASSERT(tracks_.size() < kTracksMax);
    found = tracks_.emplace(key, Track{}).first;
  }
  Track& track = found->second;
  if (finding == Finding::kBad) {
    track.good = 0;
    track.bad_since = track.bad++ == 0 ? now : track.bad_since;
    if (track.alert) {
      track.alert->summary = summary;
      return std::nullopt;
    }
    if (track.bad < limits_.raise_after) {
      return std::nullopt;
    }
    return RaiseTrack(track, {std::string(key), severity, std::string(summary), track.bad_since, std::nullopt});
  }
  track.bad = 0;
  track.good_since = track.good++ == 0 ? now : track.good_since;
  if (!track.alert) {
    tracks_.erase(found);
    return std::nullopt;
  }
  if (track.good < limits_.clear_after) {
    return std::nullopt;
  }
  const Change change = ClearTrack(track, track.good_since);
  tracks_.erase(found);
  return change;
}

std::optional<Change> AlertBook::Raise(std::string_view key, Severity severity, std::string_view summary,
                                       WallTime now) {
  Track& track = tracks_[std::string(key)];
  if (track.alert) {
    track.alert->summary = summary;
    return std::nullopt;
  }
  return RaiseTrack(track, {std::string(key), severity, std::string(summary), now, std::nullopt});
}

std::optional<Change> AlertBook::Clear(std::string_view key, WallTime now) {
  const auto found = tracks_.find(key);
  if (found == tracks_.end() || !found->second.alert) {
    return std::nullopt;
  }
  const Change change = ClearTrack(found->second, now);
  tracks_.erase(found);
  return change;
}

std::vector<std::string> AlertBook::Tracked(std::string_view prefix) const {
  std::vector<std::string> keys;
  for (auto track = tracks_.lower_bound(prefix); track != tracks_.end() && track->first.starts_with(prefix); ++track) {
    keys.push_back(track->first);
  }
  return keys;
}

std::vector<Alert> AlertBook::Active() const {
  std::vector<Alert> active;
  for (const auto& [key, track] : tracks_) {
    if (track.alert) {
      active.push_back(*track.alert);
    }
  }
  std::stable_sort(active.begin(), active.end(), [](const Alert& a, const Alert& b) { return a.since < b.since; });
  return active;
}

std::string AlertBook::Save() const {
  json::array alerts;
  for (const Alert& alert : Active()) {
    alerts.push_back({{"key", alert.key},
                      {"severity", ToString(alert.severity)},
                      {"summary", alert.summary},
                      {"since", FormatIso8601(alert.since)}});
  }
  return json::serialize(alerts);
}

Status AlertBook::Restore(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array()) {
    return Error{Errc::kInvalidArgument, "the saved alerts are no JSON array"};
  }
  for (const json::value& each : value.get_array()) {
    QUANTUM_TRY(Alert alert, ParseAlert(each));
    Track& track = tracks_[alert.key];
    if (!track.alert) {
      track.alert = std::move(alert);
    }
  }
  return {};
}

}  // namespace quantum::monitoring_health
