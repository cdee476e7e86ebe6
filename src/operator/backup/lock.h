#pragma once

#include <functional>
#include <string>
#include <utility>

#include "operator/state/layout.h"
#include "platform/base/clock.h"
#include "platform/base/result.h"

namespace quantum::operate {

// What one command alone may do at a time: a backup, a trial of the backups, a replacement of the database. Held until
// its end, or that of the process.
class BackupLock {
 public:
  // `what` it is for, so that the next one can say who holds it. Waits so long; `on_wait` is told once that it does.
  // kConflict: somebody else holds it.
  static Result<BackupLock> Take(const Layout& layout, const std::string& what, Duration wait,
                                 const std::function<void(const std::string&)>& on_wait);
  ~BackupLock();
  BackupLock(BackupLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  BackupLock& operator=(BackupLock&&) = delete;

 private:
  explicit BackupLock(int file) : file_(file) {}
  int file_;
};

}  // namespace quantum::operate
