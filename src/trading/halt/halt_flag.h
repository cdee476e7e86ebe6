#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/base/result.h"

namespace quantum::trading {

// Who halted. What the emergency stop halted by a condition it may lift again by itself; what a person halted it may
// not (pains.md 10: every block names its owner).
inline constexpr std::string_view kHaltedByOperator = "operator";
inline constexpr std::string_view kHaltedByEss = "ess";

struct HaltRecord {
  std::string reason;
  bool close = false;  // all positions are to be closed as well
  WallTime since{};    // when this owner halted
  std::string by = std::string(kHaltedByOperator);
  WallTime asked{};  // the newest request to halt, whoever made it; not before `since`

  WallTime newest() const { return since < asked ? asked : since; }
};

// For who halts while execution is away: the flag as execution would write it, durably, unless one stands already. Safe
// beside other writers of the file.
Status WriteHaltIfAbsent(const std::string& path, const HaltRecord& record);

// The emergency stop's flag: a small file that survives everything but the loss of the disk. It fails closed: a file
// that cannot be read or understood halts, and a file that does not name its owner is the operator's.
//
// Two owners may halt at a time. The operator's halt stands above the other: it takes over from "ess", and "ess" adds
// nothing to it but the wish to close.
class HaltFlag {
 public:
  explicit HaltFlag(std::string path) : path_(std::move(path)) {}

  // Looks whether the file is another one than last seen (one stat, some µs) and reads it then. A halt that somebody
  // else wrote counts from now on; none is ever lifted by looking. True when it was read.
  bool Look(WallTime now);
  // In memory at once, then on disk (file and directory fsynced). An error: it holds in memory only.
  Status Set(HaltRecord record, WallTime now);
  // Removes the file, then lifts the halt. kConflict: "ess" asked, and the halt is the operator's; or somebody halted
  // after `until` (to the millisecond), so that this word is older than the halt. Any other error: still halted.
  Status Clear(std::string_view by, WallTime now, std::optional<WallTime> until = {});

  const std::optional<HaltRecord>& record() const { return record_; }

 private:
  // One version of the file: the time of its last change covers a change of owner as well.
  struct Version {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};
    bool operator==(const Version& other) const {
      return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
             changed.tv_nsec == other.changed.tv_nsec;
    }
  };
  static Version VersionOf(const struct stat& file) { return {file.st_ino, file.st_size, file.st_ctim}; }
  void Merge(HaltRecord record);
  // The file's version if it holds this text; another process may have put its own there since.
  std::optional<Version> VersionHolding(const std::string& text) const;

  std::string path_;
  std::optional<HaltRecord> record_;
  std::optional<Version> seen_;
};

}  // namespace quantum::trading
