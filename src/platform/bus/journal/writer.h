#pragma once

#include <functional>
#include <memory>

#include "platform/base/random.h"
#include "platform/bus/journal/journal.h"
#include "platform/fiber/fiber.h"

namespace quantum::bus::journal {

// Writes the journal to disk, one group at a time: what is appended while one group is being synced is the next. The
// blocking calls are made on a thread of their own. One fiber.
class Writer {
 public:
  // durable: called on the fiber's loop whenever a lane's events have become safe up to a sequence.
  Writer(Journal& journal, Storage& storage, const Clock& clock, Random& random,
         std::function<void(size_t, uint64_t)> durable);
  ~Writer();

  void Run();  // the fiber's body; returns after Stop(), when everything is written or cannot be
  void Stop();
  void Wake() { work_.Set(); }

 private:
  class DiskThread;

  void Tell();

  Journal& journal_;
  Storage& storage_;
  const Clock& clock_;
  Random& random_;
  const std::function<void(size_t, uint64_t)> durable_;
  std::unique_ptr<DiskThread> disk_;
  std::vector<uint64_t> told_;  // by lane
  fiber::Event work_;
  fiber::Event stop_;
};

}  // namespace quantum::bus::journal
