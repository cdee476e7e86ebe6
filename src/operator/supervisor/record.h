#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/fleet.h"
#include "operator/process/process.h"
#include "platform/base/result.h"

namespace quantum::operate {

// What is known of a unit outside the supervisor's memory: run/units/<name>.json. Written before the unit's command
// runs, so that a supervisor that comes back finds every process that its predecessor started.
struct UnitRecord {
  UnitStatus status;
  std::optional<Identity> process;
};

Status WriteRecord(const std::string& directory, const UnitRecord& record);
// All records; damaged ones are skipped (the process behind one is then found by its port).
std::vector<UnitRecord> ReadRecords(const std::string& directory);
std::vector<UnitRecord> LivingRecords(const std::string& directory);  // those whose process still runs
void RemoveRecords(const std::string& directory);

// The last run of every scheduled task, by name: data/schedule.json, which outlives a stop of the platform.
Status WriteRuns(const std::string& path, const std::map<std::string, TaskRun>& runs);
std::map<std::string, TaskRun> ReadRuns(const std::string& path);

// UnitStatus as JSON text and back, for records, the supervisor's socket and --json.
std::string StatusToJson(const UnitStatus& status);
Result<UnitStatus> StatusFromJson(std::string_view text);

}  // namespace quantum::operate
