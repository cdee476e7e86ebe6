#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/log/log.h"

namespace quantum::log {

struct Line {
  Level level = Level::kInfo;
  std::string text;  // with its line break
};

// A bounded queue and the thread that empties it. When the sink is behind, the oldest lines go, are counted, and the
// sink is told how many are missing in front of the batch that follows.
class Writer {
 public:
  // `dropped` lines are missing before `lines`. Called from the writer's thread only.
  using Sink = std::function<void(const std::deque<Line>& lines, uint64_t dropped)>;

  Writer(size_t lines_max, Sink sink);
  ~Writer();  // writes what is queued

  // Returns how many old lines made room (0 or 1). Thread-safe.
  uint64_t Push(Line line);

 private:
  void Run();

  const size_t lines_max_;
  const Sink sink_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Line> queue_;
  uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quantum::log
