#include "exchange/binance/time_sync.h"

#include "platform/base/assert.h"

namespace quantum::binance {

void TimeSync::OnSample(SteadyTime sent, SteadyTime received, int64_t venue_ms) {
  if (received < sent) {
    return;
  }
  samples_.push_back({sent + (received - sent) / 2, received - sent, venue_ms});
  if (samples_.size() > kSamples) {
    samples_.pop_front();
  }
}

const TimeSync::Sample* TimeSync::Best(SteadyTime now) const {
  const Sample* best = nullptr;
  for (const Sample& sample : samples_) {
    if (now - sample.middle <= kSampleAgeMax && (best == nullptr || sample.round_trip <= best->round_trip)) {
      best = &sample;
    }
  }
  return best;
}

int64_t TimeSync::VenueMs(SteadyTime now) const {
  const Sample* best = Best(now);
  QUANTUM_ASSERT(best != nullptr);
  return best->venue_ms + std::chrono::floor<std::chrono::milliseconds>(now - best->middle).count();
}

Duration TimeSync::error(SteadyTime now) const {
  const Sample* best = Best(now);
  QUANTUM_ASSERT(best != nullptr);
  return best->round_trip / 2;
}

}  // namespace quantum::binance
