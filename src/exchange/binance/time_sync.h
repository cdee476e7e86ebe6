#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "platform/base/clock.h"

namespace quantum::binance {

// The venue's clock, from exchanges of GET /fapi/v1/time: of the last few samples the one that is known best counts,
// taken at the middle of its round trip (Cristian's algorithm). The venue's time is carried by our steady clock, so
// that a jump of our wall clock does not reach the timestamps of orders. No I/O.
class TimeSync {
 public:
  static constexpr size_t kSamples = 8;
  // A sample older than this is to be replaced before it is used again.
  static constexpr Duration kSampleAgeMax = std::chrono::minutes(5);
  // How much our clock and the venue's may drift apart: quartz is off by up to about 50 ppm on either side.
  static constexpr double kDrift = 1e-4;

  // `sent` and `received` by the steady clock, around the request. A sample whose times run backwards is dropped.
  void OnSample(SteadyTime sent, SteadyTime received, int64_t venue_ms);
  // The venue refused a timestamp as too old (-1021): the request took too long, or our idea of its clock is behind. To
  // be measured anew before it is used; what is behind can do no worse than be refused again.
  void Doubt() { doubted_ = true; }
  // The venue refused a timestamp as ahead of its clock: what is known is wrong, and an order signed so may be accepted
  // long after we hold it for expired.
  void Forget() { samples_.clear(); }

  // There is an estimate, however old or doubtful.
  bool known() const { return !samples_.empty(); }
  // There is one that needs no new measurement.
  bool trusted(SteadyTime now) const;
  // Precondition: known().
  int64_t VenueMs(SteadyTime now) const;
  // The venue's clock is within this of VenueMs: half the round trip of the sample that counts, what the clocks may
  // have drifted since, and what is lost to whole milliseconds. Precondition: known().
  Duration error(SteadyTime now) const;

 private:
  struct Sample {
    SteadyTime middle;
    Duration round_trip{};
    int64_t venue_ms = 0;
    Duration Error(SteadyTime now) const;
  };
  const Sample& Best(SteadyTime now) const;

  std::deque<Sample> samples_;
  bool doubted_ = false;
};

}  // namespace quantum::binance
