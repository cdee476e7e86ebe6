#include "platform/log/writer.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace quantum::log {

Writer::Writer(size_t lines_max, Sink sink)
    : lines_max_(lines_max == 0 ? 1 : lines_max), sink_(std::move(sink)), thread_([this] { Run(); }) {}

Writer::~Writer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

uint64_t Writer::Push(Line line) {
  uint64_t dropped = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= lines_max_) {
      queue_.pop_front();
      dropped = 1;
    }
    dropped_ += dropped;
    queue_.push_back(std::move(line));
  }
  ready_.notify_one();
  return dropped;
}

void Writer::Run() {
  // Signals belong to the thread that waits for them.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    const std::deque<Line> lines = std::exchange(queue_, {});
    const uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    sink_(lines, dropped);
    lock.lock();
  }
}

}  // namespace quantum::log
