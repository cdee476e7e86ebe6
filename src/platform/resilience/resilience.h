#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "platform/base/random.h"

// Policies for calls that may fail, without I/O: the caller gives the time and does the waiting.
namespace quantum::resilience {

// Exponential back-off with full jitter: uniform in [0, min(cap, base * 2^attempt)], not below floor.
struct BackoffOptions {
  Duration base = std::chrono::milliseconds(100);
  Duration cap = std::chrono::seconds(5);
  Duration floor = std::chrono::milliseconds(5);
};
class Backoff {
 public:
  Backoff(BackoffOptions options, Random& random) : options_(options), random_(random) {}
  Duration Next();  // the wait before the next attempt
  void Reset() { attempt_ = 0; }
  int attempt() const { return attempt_; }

 private:
  BackoffOptions options_;
  Random& random_;
  int attempt_ = 0;
};

// A token bucket that allows retries as a share of the requests, so that retries cannot multiply an outage.
class RetryBudget {
 public:
  RetryBudget(double ratio, double reserve) : ratio_(ratio), tokens_(reserve), reserve_(reserve) {}
  void OnRequest();  // earns `ratio` tokens, at most `reserve`
  bool TryRetry();   // spends one token; false: do not retry

 private:
  double ratio_;
  double tokens_;
  double reserve_;
};

// Closed → open after `failures` in a row → half open after `cooldown` (one probe at a time) → closed on success.
class CircuitBreaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };
  CircuitBreaker(int failures_max, Duration cooldown) : failures_max_(failures_max), cooldown_(cooldown) {}
  bool Allow(SteadyTime now);
  void OnSuccess();
  void OnFailure(SteadyTime now);
  State state() const { return state_; }

 private:
  int failures_max_;
  Duration cooldown_;
  State state_ = State::kClosed;
  int failures_ = 0;
  SteadyTime opened_{};
  bool probing_ = false;
};

// An absolute time by which the whole chain of attempts must be done; passed down through calls.
class Deadline {
 public:
  static Deadline After(Duration duration, const Clock& clock = SystemClock()) {
    return Deadline(clock.Steady() + duration, clock);
  }
  Duration left() const { return at_ - clock_->Steady(); }
  bool passed() const { return left() <= Duration::zero(); }
  SteadyTime at() const { return at_; }
  const Clock& clock() const { return *clock_; }

 private:
  Deadline(SteadyTime at, const Clock& clock) : at_(at), clock_(&clock) {}
  SteadyTime at_;
  const Clock* clock_;
};

}  // namespace quantum::resilience
