#pragma once

#include <deque>
#include <optional>

#include "exchange/book/local_book.h"
#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/resilience/resilience.h"

// When the venue is asked for a snapshot of a book. No I/O; time by the steady clock as an argument.
namespace quantum::marketdata {

// What all symbols together may ask: so many in any minute. A snapshot of 1000 levels costs 20 of the 2,400 of request
// weight that the venue allows us in a minute, and execution lives on the same allowance.
class SnapshotBudget {
 public:
  explicit SnapshotBudget(size_t per_minute_max) : per_minute_max_(per_minute_max) {}

  Duration Wait(SteadyTime now);  // until one more may be asked for; zero: now
  void OnAsked(SteadyTime now) { asked_.push_back(now); }

 private:
  size_t per_minute_max_;
  std::deque<SteadyTime> asked_;  // within the last minute
};

// For one symbol. A snapshot is asked for when it can help: when the book waits for one, and the stream has brought an
// update that it can be joined to. A silent stream is no reason to ask: its next update is. Snapshots that fail or
// cannot be used are asked for again with back-off.
class SnapshotPlan {
 public:
  SnapshotPlan(SnapshotBudget& budget, Random& random) : budget_(budget), backoff_(kBackoff, random) {}

  static bool CanHelp(const exchange::LocalBook& book) {
    return book.state() == exchange::LocalBook::State::kBuffering && book.buffered() > 0;
  }
  // How long to wait before asking; zero: ask now; nothing: a snapshot could not help.
  std::optional<Duration> Wait(const exchange::LocalBook& book, SteadyTime now);

  void OnAsked(SteadyTime now) { budget_.OnAsked(now); }
  void OnUnusable(SteadyTime now) { not_before_ = now + backoff_.Next(); }
  void OnJoined() { backoff_.Reset(); }
  // What failed before says nothing about a new connection.
  void OnConnected();

 private:
  static constexpr resilience::BackoffOptions kBackoff{
      .base = std::chrono::seconds(1), .cap = std::chrono::seconds(20), .floor = std::chrono::milliseconds(500)};

  SnapshotBudget& budget_;
  resilience::Backoff backoff_;
  SteadyTime not_before_{};
};

}  // namespace quantum::marketdata
