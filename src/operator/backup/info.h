#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"

// What is in the repository, as `pgbackrest info --output=json` says. No I/O.
// https://pgbackrest.org/command.html#command-info
namespace quantum::operate {

struct BackupSet {
  std::string label;  // "20261129-020000F", "20261129-020000F_20261129-080000I"
  std::string type;   // "full", "diff", "incr"
  WallTime started{};
  WallTime ended{};               // it can be restored to this moment and any later one
  int64_t database_bytes = 0;     // of the database then
  int64_t stored_bytes = 0;       // that this backup added to the repository
  bool failed_checksums = false;  // pages whose checksum did not fit were found while it was made
  int64_t database = 0;           // of which database, as the repository counts them
};

struct RepositoryInfo {
  bool exists = false;          // the stanza was made
  std::string trouble;          // what pgBackRest complains of; empty: nothing
  std::vector<BackupSet> sets;  // oldest first
  // The newest segment of the log that was archived, by database.
  std::map<int64_t, std::string> archived;
  int64_t database = 0;  // the one that it takes backups of now; 0: none

  // Of how many databases there are backups: more than one where another one was put in their place, by a restore from
  // a file or on a machine that had lost its data.
  std::set<int64_t> Databases() const;
  std::string ArchivedLast(int64_t of) const;  // empty: nothing
};

// kInternal: the text is no such answer.
Result<RepositoryInfo> ParseInfo(std::string_view text);

// The number of a segment of the log, whatever its timeline ("000000010000000000000005": 5; segments of 16 MB). -1: it
// is no segment's name.
int64_t SegmentNumber(std::string_view name);

// The name of the segment that is missing where the log was replayed up to `replayed`, and the archive has `archived`;
// empty: none is.
std::string MissingSegment(const std::string& replayed, const std::string& archived);

// The newest backup of that database that ended at or before `time`; null: there is none. Without a time the newest.
const BackupSet* SetFor(const RepositoryInfo& info, int64_t database, std::optional<WallTime> time);

}  // namespace quantum::operate
