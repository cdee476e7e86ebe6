#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "platform/base/clock.h"

namespace quantum::http {

// The deadline of one connection, re-armed before every operation for the price of a store: a timer is started only
// when none is pending that fires early enough, and one that fires too early waits on. Heavy to include. For one loop.
class LazyDeadline : public std::enable_shared_from_this<LazyDeadline> {
 public:
  using Executor = boost::asio::io_context::executor_type;

  // on_expiry runs on the loop, outside any fiber; it cancels the operation that takes too long.
  static std::shared_ptr<LazyDeadline> Make(Executor executor, const Clock& clock, std::function<void()> on_expiry) {
    return std::shared_ptr<LazyDeadline>(new LazyDeadline(executor, clock, std::move(on_expiry)));
  }

  void Arm(SteadyTime at) {
    at_ = at;
    expired_ = false;
    if (!pending_ || at < pending_until_) {
      Wait(at);
    }
  }
  void Disarm() { at_ = kNever; }

  // Whether the deadline struck since it was armed.
  bool expired() const { return expired_; }

  // The owner goes away: nothing is called any more.
  void Close() {
    on_expiry_ = nullptr;
    Disarm();
    ++generation_;
    timer_.cancel();
  }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  static constexpr SteadyTime kNever = SteadyTime::max();

  LazyDeadline(Executor executor, const Clock& clock, std::function<void()> on_expiry)
      : timer_(executor), clock_(clock), on_expiry_(std::move(on_expiry)) {}

  void Wait(SteadyTime at) {
    pending_ = true;
    pending_until_ = at;
    timer_.expires_after(at - clock_.Steady());
    timer_.async_wait([self = shared_from_this(), generation = ++generation_](boost::system::error_code) {
      if (generation == self->generation_) {
        self->Fired();
      }
    });
  }

  void Fired() {
    pending_ = false;
    if (at_ == kNever) {
      return;
    }
    if (clock_.Steady() < at_) {
      Wait(at_);
      return;
    }
    at_ = kNever;
    expired_ = true;
    if (on_expiry_) {
      on_expiry_();
    }
  }

  Timer timer_;
  const Clock& clock_;  // says what time it is; the timer only measures how long to wait
  std::function<void()> on_expiry_;
  SteadyTime at_ = kNever;
  SteadyTime pending_until_ = kNever;
  bool pending_ = false;
  bool expired_ = false;
  uint64_t generation_ = 0;
};

}  // namespace quantum::http
