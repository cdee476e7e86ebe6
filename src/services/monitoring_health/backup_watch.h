#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "services/monitoring_health/alert_book.h"

// What the operator's program writes down of backups (data/backups.json) and of tasks by the clock
// (data/schedule.json), as alerts. No I/O.
namespace quantum::monitoring_health {

struct BackupObjectives {
  Duration recovery_max = std::chrono::minutes(15);        // until a restored copy serves
  Duration recovery_point_max = std::chrono::seconds(30);  // until a commit is in the archive
  Duration age_max = std::chrono::hours(26);               // of the last good backup, and of the last proof
};

struct BackupFacts {
  bool readable = false;               // there is such a file, and it is whole
  std::optional<WallTime> first_good;  // backup
  std::optional<WallTime> last_good;   // backup
  std::string last_try_error;          // empty: the last one was made
  std::optional<WallTime> last_proof;  // good trial
  std::string last_trial_error;        // empty: everything was there
  double recovery_seconds = 0;         // of the last trial
  double recovery_point_seconds = 0;
};
BackupFacts ReadBackupFacts(std::string_view text);

// What stands with one key. A good one clears its alert.
struct Standing {
  std::string key;
  Severity severity = Severity::kWarning;
  bool bad = false;
  std::string summary;
};

// backup_failed, backup_old, restore_unproven, restore_objectives.
std::vector<Standing> JudgeBackups(const BackupFacts& facts, WallTime now, const BackupObjectives& objectives);
// task_failed:NAME for each task whose last run is known. Damaged text: none.
std::vector<Standing> JudgeTasks(std::string_view text);

}  // namespace quantum::monitoring_health
