#include "services/monitoring_health/backup_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace quantum::monitoring_health {

namespace json = boost::json;

namespace {

std::string TextOf(const json::object& object, const char* key) { return json::value_to<std::string>(object.at(key)); }

std::optional<WallTime> TimeIn(const json::object& all, const char* key) {
  const json::value& record = all.at(key);
  if (!record.is_object()) {
    return std::nullopt;
  }
  const auto time = ParseIso8601(TextOf(record.get_object(), "ended"));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

double Hours(Duration time) { return Seconds(time) / 3600; }

}  // namespace

BackupFacts ReadBackupFacts(std::string_view text) {
  try {
    const json::object all = json::parse(text).as_object();
    BackupFacts facts{.readable = true};
    facts.first_good = TimeIn(all, "first_good");
    facts.last_good = TimeIn(all, "last_good");
    facts.last_proof = TimeIn(all, "last_proof");
    if (all.at("last_try").is_object()) {
      facts.last_try_error = TextOf(all.at("last_try").get_object(), "error");
    }
    if (all.at("last_trial").is_object()) {
      const json::object& trial = all.at("last_trial").get_object();
      facts.last_trial_error = TextOf(trial, "error");
      facts.recovery_seconds = trial.at("recovery_seconds").to_number<double>();
      facts.recovery_point_seconds = trial.at("recovery_point_seconds").to_number<double>();
    }
    return facts;
  } catch (const std::exception&) {
    return {};
  }
}

std::vector<Standing> JudgeBackups(const BackupFacts& facts, WallTime now, const BackupObjectives& objectives) {
  const bool tried = facts.readable;
  const bool old = tried && (!facts.last_good || now - *facts.last_good > objectives.age_max);
  // Nothing proven yet counts from the first backup on: until then there is nothing to prove.
  const auto proven = facts.last_proof ? facts.last_proof : facts.first_good;
  const bool unproven = !facts.last_trial_error.empty() || (proven && now - *proven > objectives.age_max);
  const bool slow = facts.recovery_seconds > Seconds(objectives.recovery_max);
  const bool lossy = facts.recovery_point_seconds > Seconds(objectives.recovery_point_max);
  return {
      {"backup_failed", Severity::kCritical, !facts.last_try_error.empty(),
       "the last backup failed: " + facts.last_try_error},
      {"backup_old", Severity::kCritical, old,
       facts.last_good ? fmt::format("the last good backup is {:.0f} h old", Hours(now - *facts.last_good))
                       : "there is no good backup"},
      {"restore_unproven", Severity::kCritical, unproven,
       facts.last_trial_error.empty()
           ? fmt::format("no restore was proven for {:.0f} h", proven ? Hours(now - *proven) : 0)
           : "the last trial of a restore failed: " + facts.last_trial_error},
      {"restore_objectives", Severity::kWarning, slow || lossy,
       fmt::format("the last trial took {:.0f} s (at most {:.0f}) until the copy served, and {:.0f} s (at most {:.0f}) "
                   "until a commit was in the archive",
                   facts.recovery_seconds, Seconds(objectives.recovery_max), facts.recovery_point_seconds,
                   Seconds(objectives.recovery_point_max))},
  };
}

std::vector<Standing> JudgeTasks(std::string_view text) {
  try {
    std::vector<Standing> standings;
    const json::value all = json::parse(text);
    for (const auto& [task, run] : all.as_object()) {
      const bool ok = json::value_to<bool>(run.as_object().at("ok"));
      standings.push_back({fmt::format("task_failed:{}", std::string_view(task)), Severity::kWarning, !ok,
                           fmt::format("the task {} failed at {}: {}", std::string_view(task),
                                       TextOf(run.get_object(), "ended"), TextOf(run.get_object(), "detail"))});
    }
    return standings;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace quantum::monitoring_health
