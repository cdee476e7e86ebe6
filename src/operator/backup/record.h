#pragma once

#include <optional>
#include <string>

#include "operator/backup/info.h"
#include "operator/state/layout.h"

// The last word on backups and on their trial, in data/backups.json: for `quantum postgres`, and for monitoring-health,
// which makes metrics and alerts of it.
namespace quantum::operate {

struct BackupRecord {
  WallTime ended{};
  std::string type;
  std::string label;  // empty: it failed
  std::string error;  // empty: it was made
};

struct TrialRecord {
  WallTime ended{};
  std::string label;                  // of the backup that was restored
  double recovery_seconds = 0;        // until the copy served
  double recovery_point_seconds = 0;  // until what was committed was in the archive
  std::string error;                  // empty: everything was there
};

struct BackupRecords {
  std::optional<BackupRecord> last_try;  // good or bad
  std::optional<BackupRecord> last_good;
  std::optional<BackupRecord> first_good;
  std::optional<TrialRecord> last_trial;  // good or bad
  std::optional<TrialRecord> last_proof;  // the last good one
};

std::string BackupsFile(const Layout& layout);
// Absent or damaged: nothing is known.
BackupRecords ReadBackupRecords(const Layout& layout);
Status Keep(const Layout& layout, const BackupRecord& record);
Status Keep(const Layout& layout, const TrialRecord& record);

}  // namespace quantum::operate
