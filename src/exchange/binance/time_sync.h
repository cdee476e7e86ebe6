#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "platform/base/clock.h"

namespace quantum::binance {

// The venue's clock, from exchanges of GET /fapi/v1/time: the sample with the shortest round trip among the last few
// counts, taken at its middle (Cristian's algorithm). The venue's time is carried by our steady clock, so that a jump
// of our wall clock does not reach the timestamps of orders. No I/O.
class TimeSync {
 public:
  static constexpr size_t kSamples = 8;
  // A sample older than this no longer counts: quartz drifts up to about 50 ppm, 15 ms in five minutes.
  static constexpr Duration kSampleAgeMax = std::chrono::minutes(5);

  // `sent` and `received` by the steady clock, around the request. A sample whose times run backwards is dropped.
  void OnSample(SteadyTime sent, SteadyTime received, int64_t venue_ms);
  // The venue refused a timestamp (-1021): what is known is wrong.
  void Forget() { samples_.clear(); }

  bool known(SteadyTime now) const { return Best(now) != nullptr; }
  // Precondition: known(now).
  int64_t VenueMs(SteadyTime now) const;
  // Half the round trip of the sample that counts. Precondition: known(now).
  Duration error(SteadyTime now) const;

 private:
  struct Sample {
    SteadyTime middle;
    Duration round_trip{};
    int64_t venue_ms = 0;
  };
  const Sample* Best(SteadyTime now) const;
  std::deque<Sample> samples_;
};

}  // namespace quantum::binance
