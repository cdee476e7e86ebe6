#pragma once

#include <cstdint>
#include <optional>
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
};

struct RepositoryInfo {
  bool exists = false;          // the stanza was made
  std::string trouble;          // what pgBackRest complains of; empty: nothing
  std::vector<BackupSet> sets;  // oldest first
  std::string archive_last;     // the newest segment of the log that was archived; empty: none
};

// kInternal: the text is no such answer.
Result<RepositoryInfo> ParseInfo(std::string_view text);

// The number of a segment of the log, whatever its timeline ("000000010000000000000005": 5; segments of 16 MB). -1: it
// is no segment's name.
int64_t SegmentNumber(std::string_view name);

// The name of the segment that is missing where the log was replayed up to `replayed`, and the archive has `archived`;
// empty: none is.
std::string MissingSegment(const std::string& replayed, const std::string& archived);

// The newest backup that ended at or before `time`; nothing: there is none. Without a time the newest of all.
const BackupSet* SetFor(const RepositoryInfo& info, std::optional<WallTime> time);

}  // namespace quantum::operate
