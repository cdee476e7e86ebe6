#pragma once

#include <string>
#include <vector>

#include "exchange/paper/engine/account.h"
#include "platform/base/result.h"

namespace quantum::paper {

// The account on disk: one record a line, appended and flushed to the disk before the exchange answers, replayed at the
// start. A line that was cut off by a crash was never answered for and is dropped; anything else that cannot be read
// stops the start. Grows by some 500 bytes a record; at the start, one that holds much more than the account needs is
// replaced as a whole by the fewest records (written aside, fsynced, renamed). Blocking (fdatasync takes some 200 µs).
class Journal {
 public:
  struct Opened;
  // Creates the file, or replays it. kInternal names the line that cannot be read.
  static Result<Opened> Open(const std::string& path);
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  // Shorter journals are left as they are, and those of which four fifths are still needed.
  static constexpr size_t kCompactFrom = 1000;

  // Durable when it returns. After an error the journal must not be used again: what the account did is not on disk.
  Status Append(const std::vector<Record>& records);
  int64_t writes() const { return writes_; }  // since it was opened: how often something was made durable

 private:
  static Result<Opened> Replay(const std::string& path);
  Journal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_ = -1;
  int64_t writes_ = 0;
};

struct Journal::Opened {
  Journal journal;
  Account account;
  size_t lines = 0;
};

}  // namespace quantum::paper
