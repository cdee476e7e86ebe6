#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/replay/frames.h"

namespace quantum::bench {

// What one replay did: the counts must be the same in every round, and show that each stage had work.
struct Work {
  size_t events = 0;        // frames that became a typed event
  size_t book_updates = 0;  // applied to a book in step with the venue
  size_t trades = 0;
  size_t bars = 0;         // closed candles of all intervals
  size_t assessments = 0;  // bars of the ensemble's timeframe after its warm-up
  size_t signals = 0;      // assessments with votes
  size_t errors = 0;       // frames refused, books lost
  size_t gaps = 0;

  bool operator==(const Work&) const = default;
};

// The code of marketdata and ai-engine on the frames, as fast as it goes, on the calling thread.
Work Replay(const Frames& frames);

}  // namespace quantum::bench
