#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "platform/base/assert.h"
#include "platform/base/clock.h"

namespace boost::asio {
class io_context;
}

// Stackful fibers on one event loop per thread: code that waits reads as plain code. (g++ 12 miscompiles common
// coroutine code, so there is no co_await here.) A fiber never changes its thread; everything that runs on one loop
// needs no locks. This header is free of Asio; code that drives sockets includes platform/fiber/await.h in its .cpp.
namespace quantum::fiber {

// An event loop, run by exactly one thread. Everything but Post, Spawn, Stop and turns() is for that thread only.
class Loop {
 public:
  explicit Loop(std::string name);
  ~Loop();  // destroys what still waits by unwinding its stack; the loop must not be running
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until Stop(). Suspended fibers stay as they are.
  void Run();
  void Stop();

  // Runs fn once on the loop's thread, outside any fiber. Thread-safe.
  void Post(std::function<void()> fn);

  // Runs body in a new fiber (256 KiB of stack with a guard page). An exception that leaves body ends the process.
  // The fiber inherits the correlation id of the caller. Thread-safe.
  void Spawn(std::function<void()> body);

  bool RunsInThisThread() const;
  const std::string& name() const { return name_; }

  // How often the loop's heartbeat (every 100 ms) has run: a watchdog elsewhere reads it. Thread-safe.
  uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

  boost::asio::io_context& context() { return *context_; }

 private:
  void Beat();

  struct Heartbeat;
  std::string name_;
  std::unique_ptr<boost::asio::io_context> context_;
  std::unique_ptr<Heartbeat> heartbeat_;
  std::atomic<uint64_t> turns_{0};
};

// Whether the caller runs in a fiber, and on which loop. CurrentLoop() outside a loop's thread is an assertion.
bool InFiber();
Loop& CurrentLoop();

// Suspends this fiber. Precondition: InFiber().
void SleepFor(Duration duration);

// Lets everything else that is ready run first. Precondition: InFiber().
void YieldNow();

// A manual-reset event between fibers of one loop. Also the way to stop a periodic fiber: `while (!stop.WaitFor(1s))`.
class Event {
 public:
  Event();
  ~Event();  // nobody may be waiting
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Set();  // wakes all that wait; stays set
  void Reset();
  bool is_set() const { return set_; }

  void Wait();
  // True when set, false when the time passed first.
  bool WaitFor(Duration timeout);

 private:
  struct Waiter;
  bool set_ = false;
  std::deque<Waiter*> waiters_;
};

// Mutual exclusion between fibers of one loop, first come first served.
class Mutex {
 public:
  void lock();
  void unlock();

 private:
  bool held_ = false;
  std::deque<Event*> queue_;
};

// A bounded queue between fibers of one loop.
template <class T>
class Channel {
 public:
  explicit Channel(size_t capacity) : capacity_(capacity) {}

  // False when full or closed: the caller counts the drop or refuses.
  bool TryPush(T item) {
    if (closed_ || items_.size() >= capacity_) {
      return false;
    }
    items_.push_back(std::move(item));
    readable_.Set();
    return true;
  }

  // The next item; nothing when the time passed, or when closed and empty.
  std::optional<T> PopFor(Duration timeout) {
    if (items_.empty() && !closed_) {
      readable_.WaitFor(timeout);
    }
    if (items_.empty()) {
      return std::nullopt;
    }
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    if (items_.empty() && !closed_) {
      readable_.Reset();
    }
    return item;
  }

  void Close() {
    closed_ = true;
    readable_.Set();
  }
  bool closed() const { return closed_; }
  size_t size() const { return items_.size(); }

 private:
  size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  Event readable_;
};

// Counts work in flight: stop new work, then wait for the rest. For fibers of one loop.
class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    Gate* gate_;
  };

  // Nothing once closed.
  std::optional<Pass> Enter();
  void Close();
  // True when all work is done, false when the time passed first.
  bool WaitEmptyFor(Duration timeout);
  size_t inside() const { return inside_; }

 private:
  bool closed_ = false;
  size_t inside_ = 0;
  Event empty_;
};

namespace detail {
void RunOnAndWait(Loop& target, std::function<void()> fn);
}

// Runs fn in a fiber of another loop and suspends this fiber until it is done. fn must not throw.
// When the caller is on target already, fn runs right here.
template <class Fn>
auto RunOn(Loop& target, Fn&& fn) -> decltype(fn()) {
  using T = decltype(fn());
  if (target.RunsInThisThread()) {
    return fn();
  }
  if constexpr (std::is_void_v<T>) {
    detail::RunOnAndWait(target, [&] { fn(); });
  } else {
    std::optional<T> result;
    detail::RunOnAndWait(target, [&] { result.emplace(fn()); });
    return std::move(*result);
  }
}

}  // namespace quantum::fiber
