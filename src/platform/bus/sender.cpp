#include "platform/bus/sender.h"

#include <utility>

#include "platform/bus/probe.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kConnectMax = 1s;
constexpr Duration kTellShorter = 1min;
constexpr Duration kLook = 1s;  // how often an idle sender makes sure that the master is still the one it knows

}  // namespace

void Sender::Run() {
  resilience::Backoff backoff({.base = 20ms, .cap = 500ms, .floor = 10ms}, random_);
  while (!stop_.is_set() && !fenced_) {
    Status status = broker_.connected() ? Status() : Connect();
    if (status) {
      const auto sendings = core_.Collect(clock_.Steady());
      if (sendings.empty()) {
        Rest();
        continue;
      }
      status = Send(sendings);
    }
    if (status) {
      backoff.Reset();
    } else {
      Complain(status.error());
      stop_.WaitFor(backoff.Next());
    }
  }
}

void Sender::Stop() {
  stop_.Set();
  work_.Set();
}

Status Sender::Connect() {
  Status status = broker_.Connect(kConnectMax);
  if (status) {
    status = Resume();
  }
  if (!status) {
    broker_.Disconnect();
  }
  return status;
}

Status Sender::Resume() {
  const SteadyTime asked = clock_.Steady();
  QUANTUM_TRY(const auto held, broker_.Last(core_.Lanes()));
  const size_t buffered = outbox_.pending();
  uint64_t replayed = 0;
  for (const auto& setback : core_.OnConnected(held, asked)) {
    log::Warning("the new master lacks events that a replica had confirmed; sending them again",
                 {{"family", setback.lane.family}, {"held", setback.held}, {"confirmed", setback.confirmed}});
    replayed += setback.confirmed - setback.held;
  }
  if (std::exchange(connected_before_, true)) {
    log::Info("the broker is back", {{"waiting", buffered}, {"sent_again", replayed}});
    callbacks_.recovered(buffered, replayed);
  }
  return {};
}

Status Sender::Send(const std::vector<SenderCore::Sending>& sendings) {
  std::vector<Batch> batches;
  for (const auto& [lane, held, batch] : sendings) {
    if (batch.gap) {
      log::Critical("the broker lost events that are kept no longer; they must be rebuilt from Postgres",
                    {{"family", batch.lane.family}, {"held", held}, {"next", batch.events.front()->sequence}});
    }
    batches.push_back(batch);
  }
  const SteadyTime began = clock_.Steady();
  QUANTUM_TRY(const auto answers, broker_.Append(batches));
  trouble_.clear();
  for (size_t i = 0; i < sendings.size(); ++i) {
    if (answers[i].taken) {
      refusals_.erase(sendings[i].lane);
      Confirm(sendings[i], answers[i].last);
    } else if (answers[i].taken.error().code == Errc::kConflict) {
      Fenced(answers[i].taken.error());
      return {};
    } else {
      Refused(sendings[i], answers[i].taken.error());
    }
  }
  Prove(began);
  return {};
}

void Sender::Prove(SteadyTime began) {
  kept_shorter_ += core_.OnProof(began);
  if (kept_shorter_ > 0 && clock_.Steady() - told_at_ >= kTellShorter) {
    log::Warning(
        "events are confirmed faster than they can be kept for half a minute; a replica that lags by more than "
        "what is kept, and is promoted, would lack them",
        {{"events", kept_shorter_}, {"kept", outbox_.retained()}});
    kept_shorter_ = 0;
    told_at_ = clock_.Steady();
  }
}

// Nothing to send.
void Sender::Rest() {
  work_.Reset();
  if (work_.WaitFor(kLook) || outbox_.retained() == 0 || !broker_.connected()) {
    return;
  }
  // A failover may have promoted a replica that lagged: what it lacks is only sent again if we notice.
  const SteadyTime began = clock_.Steady();
  if (const Status status = broker_.Ping()) {
    Prove(began);
  } else {
    broker_.Disconnect();
    Complain(status.error());
  }
}

void Sender::Confirm(const SenderCore::Sending& sending, uint64_t last) {
  const uint64_t before = outbox_.confirmed(sending.lane);
  const auto confirmed = core_.OnTaken(sending, last, clock_.Steady());
  if (!confirmed) {
    return;
  }
  for (const EventPtr& event : sending.batch.events) {
    if (event->sequence > before && event->sequence <= *confirmed) {
      ProbeOf(event->type).published.Add();
    }
  }
  waiters_.Reach(sending.lane, *confirmed);
}

void Sender::Complain(const Error& error) {
  if (error.message != trouble_) {
    trouble_ = error.message;
    log::Warning("events wait in the outbox", {{"reason", trouble_}, {"waiting", outbox_.pending()}});
  }
}

void Sender::Refused(const SenderCore::Sending& sending, const Error& error) {
  core_.OnRefused(sending, clock_.Steady());
  std::string& known = refusals_[sending.lane];
  if (error.message != known) {
    known = error.message;
    log::Warning("events wait in the outbox",
                 {{"family", sending.batch.lane.family},
                  {"reason", known},
                  {"waiting", outbox_.last(sending.lane) - outbox_.confirmed(sending.lane)}});
  }
}

const std::string& Sender::trouble() const {
  return trouble_.empty() && !refusals_.empty() ? refusals_.begin()->second : trouble_;
}

// Sending on would mix two processes' events under one name. What waits stays in the journal for the next life.
void Sender::Fenced(const Error& error) {
  fenced_ = true;
  trouble_ = error.message;
  broker_.Disconnect();
  log::Critical("fenced: this process may not send any more; it must end",
                {{"reason", error.message}, {"waiting", outbox_.pending()}});
  callbacks_.fenced(error.message);
}

bool Sender::AwaitConfirmed(const Outbox::Ticket& ticket, Duration timeout) {
  return outbox_.confirmed(ticket.lane) >= ticket.sequence || waiters_.Await(ticket.lane, ticket.sequence, timeout);
}

bool Sender::AwaitEmpty(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout, clock_);
  for (size_t lane = 0; lane < outbox_.lanes(); ++lane) {
    if (!AwaitConfirmed({lane, outbox_.last(lane)}, std::max(deadline.left(), Duration(0)))) {
      return false;
    }
  }
  return true;
}

}  // namespace quantum::bus
