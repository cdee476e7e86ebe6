#pragma once

#include "platform/base/clock.h"

namespace quantum::execution {

// When "no such order" proves that an order does not exist. The venue may still accept a request until its timestamp
// plus recvWindow; so absence is proven only by an answer later than that by a second, on the venue's clock, given
// twice (design.md, Execution). Until then the order is unknown, and unknown is asked about, never guessed.
class AbsenceProof {
 public:
  // `sent`: the venue's time at or after the moment the request was signed.
  AbsenceProof(WallTime sent, Duration receive_window)
      : proves_from_(sent + receive_window + std::chrono::seconds(1)) {}

  // The venue answered "no such order" to a question asked at venue_now. True when absence is proven.
  bool OnNotFound(WallTime venue_now) {
    if (venue_now > proves_from_) {
      ++proofs_;
    }
    return proofs_ >= 2;
  }

  WallTime proves_from() const { return proves_from_; }

 private:
  WallTime proves_from_;
  int proofs_ = 0;
};

}  // namespace quantum::execution
