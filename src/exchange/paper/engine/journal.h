#pragma once

#include <string>
#include <vector>

#include "exchange/paper/engine/account.h"
#include "platform/base/result.h"

namespace quantum::paper {

// The account on disk: one record a line, appended and flushed to the disk before the exchange answers, replayed at the
// start. A line that was cut off by a crash was never answered for and is dropped; anything else that cannot be read
// stops the start. Grows by some 500 bytes a record; blocking (fdatasync takes some 200 µs).
class Journal {
 public:
  struct Opened;
  // Creates the file, or replays it. kInternal names the line that cannot be read.
  static Result<Opened> Open(const std::string& path);
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  // Durable when it returns. After an error the journal must not be used again: what the account did is not on disk.
  Status Append(const std::vector<Record>& records);

 private:
  Journal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_ = -1;
};

struct Journal::Opened {
  Journal journal;
  Account account;
};

}  // namespace quantum::paper
