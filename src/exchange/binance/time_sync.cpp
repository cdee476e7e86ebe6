#include "exchange/binance/time_sync.h"

#include <algorithm>

#include "platform/base/assert.h"

namespace quantum::binance {

void TimeSync::OnSample(SteadyTime sent, SteadyTime received, int64_t venue_ms) {
  if (received < sent) {
    return;
  }
  if (doubted_) {
    samples_.clear();  // what was doubted must not outweigh what was measured because of it
    doubted_ = false;
  }
  samples_.push_back({sent + (received - sent) / 2, received - sent, venue_ms});
  if (samples_.size() > kSamples) {
    samples_.pop_front();
  }
}

bool TimeSync::trusted(SteadyTime now) const {
  return known() && !doubted_ && now - samples_.back().middle <= kSampleAgeMax;
}

Duration TimeSync::Sample::Error(SteadyTime now) const {
  const auto drift = std::chrono::duration_cast<Duration>((now - middle) * kDrift);
  // The venue cuts its time to milliseconds, and so do we.
  return round_trip / 2 + std::max(drift, Duration::zero()) + std::chrono::milliseconds(2);
}

const TimeSync::Sample& TimeSync::Best(SteadyTime now) const {
  QUANTUM_ASSERT(known());
  // Of equals the newest.
  return *std::min_element(samples_.rbegin(), samples_.rend(),
                           [now](const Sample& one, const Sample& other) { return one.Error(now) < other.Error(now); });
}

int64_t TimeSync::VenueMs(SteadyTime now) const {
  const Sample& best = Best(now);
  return best.venue_ms + std::chrono::floor<std::chrono::milliseconds>(now - best.middle).count();
}

Duration TimeSync::error(SteadyTime now) const { return Best(now).Error(now); }

}  // namespace quantum::binance
