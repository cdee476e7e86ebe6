#pragma once

#include "operator/backup/record.h"
#include "operator/backup/restore.h"

namespace quantum::operate {

// Proves the backups by restoring: sets a mark in the living database, waits until the archive holds it, restores the
// newest backup to it beside the database, compares every table, and removes the copy. What it found is in the record,
// an error too; it is kept (record.h). Errors: only what hindered keeping it.
Result<TrialRecord> TryRestore(const Running& running, const RestoreSteps& steps);

}  // namespace quantum::operate
