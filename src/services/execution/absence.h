#pragma once

#include <algorithm>
#include <optional>

#include "platform/base/clock.h"

namespace quantum::execution {

// When "no such order" proves that an order does not exist. The venue may still accept a request until its timestamp
// plus recvWindow; so absence is proven only by an answer later than that by a second, on the venue's clock, given
// twice (design.md, Execution). Until then the order is unknown, and unknown is asked about, never guessed. While the
// venue's clock is not known nothing is proven.
class AbsenceProof {
 public:
  // `sent`: the venue's time that the request was signed for, or a later one. Nothing: not known; then it was before
  // the first question whose time is.
  AbsenceProof(std::optional<WallTime> sent, Duration receive_window) : sent_(sent), receive_window_(receive_window) {}

  // The venue answered "no such order" to a question asked at venue_now. True when absence is proven.
  bool OnNotFound(std::optional<WallTime> venue_now) {
    if (!venue_now) {
      return false;
    }
    if (!sent_) {
      sent_ = venue_now;
    }
    if (*venue_now > *sent_ + receive_window_ + kMargin) {
      ++proofs_;
    }
    return proofs_ >= 2;
  }

  // How long from venue_now until an answer can prove anything; zero: the next one may. Nothing: that is not known yet.
  std::optional<Duration> Left(std::optional<WallTime> venue_now) const {
    if (!venue_now || !sent_) {
      return std::nullopt;
    }
    return std::max<Duration>(*sent_ + receive_window_ + kMargin - *venue_now, Duration::zero());
  }

 private:
  static constexpr Duration kMargin = std::chrono::seconds(1);

  std::optional<WallTime> sent_;
  Duration receive_window_;
  int proofs_ = 0;
};

}  // namespace quantum::execution
