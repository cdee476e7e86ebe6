#include "platform/bus/sender.h"

#include <algorithm>

#include "platform/bus/probe.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kConnectMax = 1s;
constexpr Duration kLook = 1s;  // how often an idle sender makes sure that the master is still the one it knows

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
    const auto last = broker_.Append(batches);
    if (!last) {
      Complain(last.error());
      stop_.WaitFor(backoff.Next());
      continue;
    }
    trouble_.clear();
    backoff.Reset();
    for (size_t i = 0; i < batches.size(); ++i) {
      Confirm(lanes[i], batches[i], (*last)[i]);
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
    }
    // What the broker holds beyond the confirmed is sent again too: it skips that, and WAIT then covers it.
    progress(lane).sent = std::min(last[lane], confirmed);
  }
  return {};
}

std::vector<Broker::Batch> Sender::Collect(std::vector<size_t>& lanes) {
  std::vector<Broker::Batch> batches;
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    const uint64_t sent = progress(lane).sent;
    Broker::Batch batch{outbox_.lane(lane), outbox_.Read(lane, sent, batch_max_)};
    if (batch.events.empty()) {
      continue;
    }
    batch.gap = batch.events.front()->sequence > sent + 1;
    if (batch.gap) {
      log::Critical("the broker lost events that are kept no longer; they must be rebuilt from Postgres",
                    {{"family", batch.lane.family}, {"held", sent}, {"next", batch.events.front()->sequence}});
    }
    lanes.push_back(lane);
    batches.push_back(std::move(batch));
  }
  return batches;
}

// Nothing to send.
void Sender::Rest() {
  outbox_.Retire(clock_.Steady());
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
  Progress& state = progress(lane);
  state.sent = last;
  if (last < batch.events.front()->sequence) {
    return;  // the broker holds less than we thought; the next round goes back
  }
  last = std::min(last, batch.events.back()->sequence);
  const uint64_t before = outbox_.confirmed(lane);
  for (const EventPtr& event : batch.events) {
    if (event->sequence > before && event->sequence <= last) {
      ProbeOf(event->type).published.Add();
    }
  }
  outbox_.Confirm(lane, last, clock_.Steady());
  while (!state.waiters.empty() && state.waiters.front()->sequence <= last) {
    state.waiters.front()->done.Set();
    state.waiters.pop_front();
  }
}

void Sender::Complain(const Error& error) {
  if (error.message != trouble_) {
    trouble_ = error.message;
    log::Warning("events wait in the outbox", {{"reason", trouble_}, {"waiting", outbox_.pending()}});
  }
}

Sender::Progress& Sender::progress(size_t lane) {
  while (progress_.size() <= lane) {
    progress_.emplace_back();
  }
  return progress_[lane];
}

bool Sender::AwaitConfirmed(const Outbox::Ticket& ticket, Duration timeout) {
  if (outbox_.confirmed(ticket.lane) >= ticket.sequence) {
    return true;
  }
  auto& waiters = progress(ticket.lane).waiters;
  auto waiter = std::make_shared<Waiter>();
  waiter->sequence = ticket.sequence;
  const auto place = std::upper_bound(waiters.begin(), waiters.end(), ticket.sequence,
                                      [](uint64_t sequence, const auto& other) { return sequence < other->sequence; });
  waiters.insert(place, waiter);
  if (waiter->done.WaitFor(timeout)) {
    return true;
  }
  std::erase(waiters, waiter);
  return false;
}

bool Sender::AwaitEmpty(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout);
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    const auto events = outbox_.Read(lane, outbox_.confirmed(lane), SIZE_MAX);
    if (!events.empty() && !AwaitConfirmed({lane, events.back()->sequence}, std::max(deadline.left(), Duration(0)))) {
      return false;
    }
  }
  return true;
}

}  // namespace quantum::bus
