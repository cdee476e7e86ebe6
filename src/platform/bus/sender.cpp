#include "platform/bus/sender.h"

#include <algorithm>

#include "platform/bus/probe.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kConnectMax = 1s;
constexpr Duration kRefusedRest = 1s;  // until a stream over its quota is tried again
constexpr Duration kLook = 1s;         // how often an idle sender makes sure that the master is still the one it knows

}  // namespace

void Sender::Run() {
  resilience::Backoff backoff({.base = 20ms, .cap = 500ms, .floor = 10ms}, SystemRandom());
  while (!stop_.is_set()) {
    if (!broker_.connected()) {
      Status status = broker_.Connect(kConnectMax);
      if (status) {
        status = Resume();
      }
      if (!status) {
        broker_.Disconnect();
        Complain(status.error());
        stop_.WaitFor(backoff.Next());
        continue;
      }
    }
    std::vector<size_t> lanes;
    const std::vector<Broker::Batch> batches = Collect(lanes);
    if (batches.empty()) {
      Rest();
      continue;
    }
    const auto answers = broker_.Append(batches);
    if (!answers) {
      Complain(answers.error());
      stop_.WaitFor(backoff.Next());
      continue;
    }
    trouble_.clear();
    backoff.Reset();
    for (size_t i = 0; i < batches.size(); ++i) {
      if ((*answers)[i].taken) {
        state(lanes[i]).refusal.clear();
        Confirm(lanes[i], batches[i], (*answers)[i].last);
      } else if ((*answers)[i].taken.error().code == Errc::kConflict) {
        Fenced((*answers)[i].taken.error());
        return;
      } else {
        Refused(lanes[i], (*answers)[i].taken.error());
      }
    }
    outbox_.Retire(clock_.Steady());
  }
}

void Sender::Stop() {
  stop_.Set();
  work_.Set();
}

Status Sender::Resume() {
  std::vector<Lane> lanes;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    lanes.push_back(outbox_.lane(lane));
  }
  QUANTUM_TRY(const auto last, broker_.Last(lanes));
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    const uint64_t confirmed = outbox_.confirmed(lane);
    if (last[lane] < confirmed) {
      log::Warning("the new master lacks events that a replica had confirmed; sending them again",
                   {{"family", lanes[lane].family}, {"held", last[lane]}, {"confirmed", confirmed}});
      outbox_.Reopen(lane, last[lane]);
    }
    // What the broker holds beyond the confirmed is sent again too: it skips that, and WAIT then covers it.
    state(lane).sent = std::min(last[lane], confirmed);
  }
  return {};
}

std::vector<Broker::Batch> Sender::Collect(std::vector<size_t>& lanes) {
  std::vector<Broker::Batch> batches;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    if (clock_.Steady() < state(lane).rests_until ||
        (outbox_.confirmed(lane) < outbox_.last(lane) && ComesAfterAnother(lane))) {
      continue;
    }
    const uint64_t held = state(lane).sent;
    Broker::Batch batch{outbox_.lane(lane), outbox_.Read(lane, held, batch_max_)};
    if (batch.events.empty()) {
      continue;
    }
    batch.gap = batch.events.front()->sequence > held + 1;
    if (batch.gap) {
      log::Critical("the broker lost events that are kept no longer; they must be rebuilt from Postgres",
                    {{"family", batch.lane.family}, {"held", held}, {"next", batch.events.front()->sequence}});
    }
    lanes.push_back(lane);
    batches.push_back(std::move(batch));
  }
  return batches;
}

// Nothing to send.
void Sender::Rest() {
  outbox_.Retire(clock_.Steady());  // connected, and Resume has put back what this master lacks
  work_.Reset();
  if (work_.WaitFor(kLook) || outbox_.retained() == 0 || !broker_.connected()) {
    return;
  }
  // A failover may have promoted a replica that lagged: what it lacks is only sent again if we notice.
  if (const Status status = broker_.Ping(); !status) {
    broker_.Disconnect();
    Complain(status.error());
  }
}

void Sender::Confirm(size_t lane, const Broker::Batch& batch, uint64_t last) {
  // Not beyond this batch, though the broker may hold more from before: WAIT covers only what was sent here.
  last = std::min(last, batch.events.back()->sequence);
  state(lane).sent = last;
  if (last < batch.events.front()->sequence) {
    return;  // the broker holds less than we thought; the next round goes back
  }
  const uint64_t before = outbox_.confirmed(lane);
  for (const EventPtr& event : batch.events) {
    if (event->sequence > before && event->sequence <= last) {
      ProbeOf(event->type).published.Add();
    }
  }
  outbox_.Confirm(lane, last, clock_.Steady());
  waiters_.Reach(lane, last);
  callbacks_.confirmed(lane, last);
}

void Sender::Complain(const Error& error) {
  if (error.message != trouble_) {
    trouble_ = error.message;
    log::Warning("events wait in the outbox", {{"reason", trouble_}, {"waiting", outbox_.pending()}});
  }
}

void Sender::Refused(size_t lane, const Error& error) {
  LaneState& refused = state(lane);
  refused.rests_until = clock_.Steady() + kRefusedRest;
  if (error.message != refused.refusal) {
    refused.refusal = error.message;
    log::Warning("events wait in the outbox", {{"family", outbox_.lane(lane).family},
                                               {"reason", refused.refusal},
                                               {"waiting", outbox_.last(lane) - outbox_.confirmed(lane)}});
  }
}

const std::string& Sender::trouble() const {
  const auto refused =
      std::find_if(lanes_.begin(), lanes_.end(), [](const LaneState& lane) { return !lane.refusal.empty(); });
  return trouble_.empty() && refused != lanes_.end() ? refused->refusal : trouble_;
}

Sender::LaneState& Sender::state(size_t lane) {
  if (lanes_.size() <= lane) {
    lanes_.resize(lane + 1);
  }
  return lanes_[lane];
}

// Sending on would mix two processes' events under one name. What waits stays in the journal for the next life.
void Sender::Fenced(const Error& error) {
  trouble_ = error.message;
  broker_.Disconnect();
  log::Critical("fenced: this process may not send any more; it must end",
                {{"reason", error.message}, {"waiting", outbox_.pending()}});
  callbacks_.fenced(error.message);
}

// Whether an earlier life's events of the same stream are still on their way.
bool Sender::ComesAfterAnother(size_t lane) const {
  for (size_t earlier = 0; earlier < lane; ++earlier) {
    if (outbox_.lane(earlier).family == outbox_.lane(lane).family &&
        outbox_.confirmed(earlier) < outbox_.last(earlier)) {
      return true;
    }
  }
  return false;
}

bool Sender::AwaitConfirmed(const Outbox::Ticket& ticket, Duration timeout) {
  return outbox_.confirmed(ticket.lane) >= ticket.sequence || waiters_.Await(ticket.lane, ticket.sequence, timeout);
}

bool Sender::AwaitEmpty(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout);
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    if (!AwaitConfirmed({lane, outbox_.last(lane)}, std::max(deadline.left(), Duration(0)))) {
      return false;
    }
  }
  return true;
}

}  // namespace quantum::bus
