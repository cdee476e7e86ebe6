#pragma once

#include <optional>
#include <string>

#include "operator/backup/fingerprint.h"
#include "operator/backup/make.h"

namespace quantum::operate {

// To which moment a database is restored.
struct RestoreTarget {
  enum class Kind {
    kLatest,  // the end of the archive
    kTime,    // `time`
    kSet,     // the moment at which the backup `name` ended
    kPoint,   // the restore point `name`
  } kind = Kind::kLatest;
  std::string name;
  WallTime time{};
  int64_t database = 0;  // of which one, as the repository counts them; 0: of the only one there is
  int64_t timeline = 0;  // of the log; 0: the newest. What a restore has undone is on the one before
};

struct Restored {
  std::string data;                       // the data directory: whole, stopped
  std::string label;                      // of the backup that it came from
  std::optional<WallTime> last_commit{};  // replayed; nothing: none was
  WallTime backup_ended{};                // of that backup
  Fingerprint content;
  std::string log_end;  // the segment of its own log in which it ended; empty: it has no backup before it
  Duration copied{};    // how long it took to copy it from the repository
  Duration replayed{};  // … until it had replayed its log and served
  Duration checked{};   // … to look at every page and index
};

// The copy will take the place of the living database (replace.h): it is marked so before it is stopped.
enum class Purpose { kBeside, kReplacement };

struct RestoreSteps {
  std::function<void(const std::string& step)> on_step;  // "copying 20261129-020000F"
  OnProgress on_progress;                                // of the copying
};

// Beside the living database, which is not touched: copies a backup into FOLDER/data, starts a Postgres of its own on
// it, replays, looks at every index and page, and stops it. The folder must be empty or absent; what was copied is
// removed again when a step fails. Errors: kNotFound (no such backup, or none so old), kConflict (the folder is not
// empty), kExhausted (no room), kInternal with what the program said.
Result<Restored> RestoreBeside(const Running& running, const RestoreTarget& target, const std::string& folder,
                               const RestoreSteps& steps, Purpose purpose = Purpose::kBeside);

// The same from a file: a dump of MakeDump, or SQL (.sql, .sql.gz), into a new database. `table`: only this one of a
// dump; empty: everything. kNotFound: there is no such file.
Result<Restored> RestoreFile(const Running& running, const std::string& file, const std::string& table,
                             const std::string& folder, const RestoreSteps& steps, Purpose purpose = Purpose::kBeside);

}  // namespace quantum::operate
