#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/decode/frames.h"

// Passes over the recorded frames: each frame timed, all of them as fast as one core can, and at a given pace.
namespace quantum::bench {

class Times {
 public:
  void Add(int64_t ns) { ns_.push_back(ns); }
  size_t size() const { return ns_.size(); }
  // The given share of all times is not above this one; 0 when there are none.
  int64_t At(double share);
  int64_t Max() { return At(1); }

 private:
  std::vector<int64_t> ns_;
};

// Of one kind of frame: the decoder with the book, and the limit: simdjson's first pass over the same frame (quotes,
// brackets and commas found, nothing looked at), below which no decoder that stands on it can come.
struct Kind {
  Times decoded;
  Times first_pass;
};

struct Pass {
  Kind trade;
  Kind depth;  // applied to the book
  Kind ticker;
  size_t applied = 0;
  size_t errors = 0;
  double seconds = 0;
};

// `each`: every frame is timed on its own, the clock's own cost (ClockCostNs) included.
Pass Replay(const Frames& frames, bool each);

int64_t ClockCostNs();

// Frames that fall due at a constant rate, whatever the decoder does.
struct Paced {
  double seconds = 0;
  Times lag;       // from the moment a frame fell due until it was decoded and applied
  Times lag_last;  // the same of the frames of the last second: a decoder that falls behind has seconds of it
};
Paced ReplayPaced(const Frames& frames, int64_t frames_per_second, int rounds);

}  // namespace quantum::bench
