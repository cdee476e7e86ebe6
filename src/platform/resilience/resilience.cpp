#include "platform/resilience/resilience.h"

#include <algorithm>
#include <utility>

namespace quantum::resilience {

Duration Backoff::Next() {
  Duration ceiling = std::min(options_.base, options_.cap);
  for (int step = 0; step < attempt_ && ceiling < options_.cap; ++step) {
    ceiling = ceiling > options_.cap / 2 ? options_.cap : ceiling * 2;
  }
  ++attempt_;
  const int64_t bound = std::max<int64_t>(ceiling.count(), 1);
  const Duration wait(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(bound))));
  return std::max(wait, options_.floor);
}

void RetryBudget::OnRequest() { tokens_ = std::min(reserve_, tokens_ + ratio_); }

bool RetryBudget::TryRetry() {
  if (tokens_ < 1.0) {
    return false;
  }
  tokens_ -= 1.0;
  return true;
}

bool CircuitBreaker::Allow(SteadyTime now) {
  if (state_ == State::kOpen && now - opened_ >= cooldown_) {
    state_ = State::kHalfOpen;
    probing_ = false;
  }
  switch (state_) {
    case State::kClosed:
      return true;
    case State::kOpen:
      return false;
    case State::kHalfOpen:
      return !std::exchange(probing_, true);
  }
  return false;
}

void CircuitBreaker::OnSuccess() {
  // A late answer to a call made before the breaker opened proves nothing about now.
  if (state_ == State::kOpen) {
    return;
  }
  state_ = State::kClosed;
  failures_ = 0;
  probing_ = false;
}

void CircuitBreaker::OnFailure(SteadyTime now) {
  if (state_ == State::kOpen) {
    return;
  }
  ++failures_;
  if (state_ == State::kHalfOpen || failures_ >= failures_max_) {
    state_ = State::kOpen;
    opened_ = now;
    failures_ = 0;
    probing_ = false;
  }
}

}  // namespace quantum::resilience
