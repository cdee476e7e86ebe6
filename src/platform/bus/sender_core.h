#pragma once

#include <optional>
#include <vector>

#include "platform/bus/append.h"

namespace quantum::bus {

// What the sender decides: where to go on after a connect, what goes next, what an answer means, and when a confirmed
// event need not be kept any more. A shell asks the broker (sender.h). No I/O. For one loop.
class SenderCore {
 public:
  static constexpr Duration kRefusedRest = std::chrono::seconds(1);  // until a stream over its quota is tried again

  SenderCore(Outbox& outbox, size_t batch_max) : outbox_(outbox), batch_max_(batch_max) {}

  // After a connect: these lanes the broker is asked about; and what it holds of each, the question having been asked
  // at `asked`. Answers where it holds less than was confirmed: that is sent again.
  std::vector<Lane> Lanes() const;
  struct Setback {
    Lane lane;
    uint64_t held = 0;
    uint64_t confirmed = 0;
  };
  std::vector<Setback> OnConnected(const std::vector<uint64_t>& held, SteadyTime asked);

  // What may be sent now, in the order of the lanes.
  struct Sending {
    size_t lane = 0;
    uint64_t held = 0;  // by the broker, as far as this connection knows
    Batch batch;
  };
  std::vector<Sending> Collect(SteadyTime now);

  // The broker took the batch and holds the lane up to `last`; the replicas required have it. Answers the sequence that
  // is confirmed now; nothing if the broker holds less than was thought (the next Collect goes back).
  std::optional<uint64_t> OnTaken(const Sending& sending, uint64_t last, SteadyTime now);
  // The stream is over its quota, or the broker full: the lane rests.
  void OnRefused(const Sending& sending, SteadyTime now);
  // An exchange that began at `began` has shown that the master is still the one that OnConnected asked. What was
  // confirmed long enough before that is kept no longer. Not the time of the answer: between the two this process may
  // have been frozen, and a replica that lagged been promoted. Answers how many went early, for want of room.
  size_t OnProof(SteadyTime began) { return outbox_.Retire(began); }

 private:
  struct LaneState {
    uint64_t sent = 0;         // the broker holds everything up to here, as far as this connection knows
    SteadyTime rests_until{};  // the broker refused
  };
  LaneState& state(size_t lane);
  bool ComesAfterAnother(size_t lane) const;

  Outbox& outbox_;
  const size_t batch_max_;
  std::vector<LaneState> lanes_;
};

}  // namespace quantum::bus
