#include "platform/bus/sender_core.h"

#include <algorithm>

namespace quantum::bus {

std::vector<Lane> SenderCore::Lanes() const {
  std::vector<Lane> lanes;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    lanes.push_back(outbox_.lane(lane));
  }
  return lanes;
}

std::vector<SenderCore::Setback> SenderCore::OnConnected(const std::vector<uint64_t>& held, SteadyTime asked) {
  QUANTUM_ASSERT(held.size() <= outbox_.lanes());
  std::vector<Setback> setbacks;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    const uint64_t confirmed = outbox_.confirmed(lane);
    const uint64_t last = lane < held.size() ? held[lane] : 0;  // one that came after the question is new to the broker
    if (last < confirmed) {
      setbacks.push_back({outbox_.lane(lane), last, confirmed});
      outbox_.Reopen(lane, last);
    }
    // What the broker holds beyond the confirmed is sent again too: it skips that, and WAIT then covers it.
    state(lane).sent = std::min(last, confirmed);
  }
  OnProof(asked);
  return setbacks;
}

std::vector<SenderCore::Sending> SenderCore::Collect(SteadyTime now) {
  std::vector<Sending> sendings;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    if (now < state(lane).rests_until || (outbox_.confirmed(lane) < outbox_.last(lane) && ComesAfterAnother(lane))) {
      continue;
    }
    const uint64_t held = state(lane).sent;
    Batch batch{outbox_.lane(lane), outbox_.Read(lane, held, batch_max_)};
    if (batch.events.empty()) {
      continue;
    }
    batch.gap = batch.events.front()->sequence > held + 1;
    sendings.push_back({lane, held, std::move(batch)});
  }
  return sendings;
}

std::optional<uint64_t> SenderCore::OnTaken(const Sending& sending, uint64_t last, SteadyTime now) {
  // Not beyond this batch, though the broker may hold more from before: WAIT covers only what was sent here.
  last = std::min(last, sending.batch.events.back()->sequence);
  state(sending.lane).sent = last;
  if (last < sending.batch.events.front()->sequence) {
    return std::nullopt;
  }
  outbox_.Confirm(sending.lane, last, now);
  return last;
}

void SenderCore::OnRefused(const Sending& sending, SteadyTime now) {
  state(sending.lane).rests_until = now + kRefusedRest;
}

SenderCore::LaneState& SenderCore::state(size_t lane) {
  if (lanes_.size() <= lane) {
    lanes_.resize(lane + 1);
  }
  return lanes_[lane];
}

// Whether an earlier life's events of the same stream are still on their way.
bool SenderCore::ComesAfterAnother(size_t lane) const {
  for (size_t earlier = 0; earlier < lane; ++earlier) {
    if (outbox_.lane(earlier).family == outbox_.lane(lane).family &&
        outbox_.confirmed(earlier) < outbox_.last(earlier)) {
      return true;
    }
  }
  return false;
}

}  // namespace quantum::bus
