#pragma once

#include <optional>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/resilience/resilience.h"

// When a client tries again, and after how long. Pure: the caller waits.
namespace quantum::http {

// Retry-After (RFC 9110, 10.2.3): seconds, or a date. Nothing when it is neither.
std::optional<Duration> ParseRetryAfter(std::string_view value, WallTime now);

class RetryPlan {
 public:
  // The budget belongs to the host and outlives the plan.
  RetryPlan(int attempts_max, bool idempotent, resilience::RetryBudget& budget, Random& random)
      : attempts_max_(attempts_max), idempotent_(idempotent), budget_(budget), backoff_({}, random) {}

  struct Failure {
    bool sent = false;   // at least one byte of the request went out
    bool stale = false;  // on a kept-alive connection that the peer had given up, before any byte of an answer
  };
  // The wait before the next attempt, or nothing: the failure is final.
  std::optional<Duration> AfterFailure(Failure failure, Duration left);
  // The same for an answer: 429, 502, 503 and 504 are worth another try when a repeat does no harm.
  std::optional<Duration> AfterAnswer(int status, std::optional<Duration> retry_after, Duration left);

  int attempts() const { return attempts_; }

 private:
  std::optional<Duration> Next(Duration at_least, Duration left);

  int attempts_max_;
  bool idempotent_;
  resilience::RetryBudget& budget_;
  resilience::Backoff backoff_;
  int attempts_ = 1;
  bool used_stale_ = false;
};

}  // namespace quantum::http
