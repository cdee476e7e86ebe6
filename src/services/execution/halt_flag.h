#pragma once

#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "platform/base/result.h"

namespace quantum::execution {

struct HaltRecord {
  std::string reason;
  bool close = false;  // all positions are to be closed as well
  WallTime since{};
};

// The emergency stop's flag: a small file that survives everything but the loss of the disk. It fails closed: a file
// that cannot be read or understood halts.
class HaltFlag {
 public:
  explicit HaltFlag(std::string path) : path_(std::move(path)) {}

  // Looks at the file; a halt that somebody else wrote counts from now on, and none is ever lifted by looking.
  void Load(WallTime now);
  // In memory at once, then on disk (file and directory fsynced). An error: it holds in memory only.
  Status Set(HaltRecord record);
  // Removes the file, then lifts the halt. An error: still halted.
  Status Clear();

  const std::optional<HaltRecord>& record() const { return record_; }

 private:
  std::string path_;
  std::optional<HaltRecord> record_;
};

}  // namespace quantum::execution
