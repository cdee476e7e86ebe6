#pragma once

#include <functional>
#include <string>

#include "operator/backup/pgbackrest.h"

namespace quantum::operate {

// The programs of the node that is the primary now. kUnavailable: there is none.
Result<PgBackRest> OfPrimary(const Running& running);

using OnProgress = std::function<void(int percent)>;  // 0 to 100, each at most once, upwards

// A backup of the whole database. type: "full", "incr" (what changed since the last one; the first is full). The last
// good one, and the database, stay as they are when it fails. Errors: as PgBackRest::Run, kUnavailable.
Result<BackupSet> MakeBackup(const Running& running, const std::string& type, const OnProgress& on_progress);

// A dump of the database alone (pg_dump, custom format): portable, restorable by table. Its file: data/backup/logical/…
Result<std::string> MakeDump(const Running& running);

// The percentage in a line of pgBackRest's log ("… (16MB, 35.12%) checksum …"); -1: none.
int PercentIn(const std::string& line);

}  // namespace quantum::operate
