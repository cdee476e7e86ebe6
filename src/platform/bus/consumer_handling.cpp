#include <fmt/format.h>

#include <algorithm>

#include "platform/base/correlation.h"
#include "platform/bus/codec.h"
#include "platform/bus/consumer.h"
#include "platform/bus/probe.h"
#include "platform/log/log.h"

// The second half of Consumer: from the scheduler to the handler and the acknowledgement.
namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 2s;
constexpr Duration kTickMax = 50ms;
constexpr size_t kAcknowledgedAtOnce = 1000;  // what a Lua function takes as arguments has a bound
// How long acknowledgements are gathered: each command costs all three nodes a write, and nobody waits for it.
constexpr Duration kGather = 2ms;

constexpr size_t kBuriedWordsMax = 4000;  // as above

bool SaysDatabaseIsAway(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kTimeout || code == Errc::kUnknownOutcome ||
         code == Errc::kExhausted;
}

// Not of a deadline that has passed either: too many events at once may be what takes so long.
bool TellsOfNoEvent(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kUnknownOutcome || code == Errc::kCancelled;
}

bool RefusesLease(const Error& error) { return error.message.find("LEASE ") != std::string::npos; }
bool HasTooManyLetters(const Error& error) { return error.message.find("DEADLETTERS ") != std::string::npos; }

}  // namespace

void Consumer::Tick() {
  while (!stop_.is_set()) {
    const auto due = scheduler_.next_due();
    const Duration wait = due ? *due - context_.clock.Steady() : kTickMax;
    stop_.WaitFor(std::clamp<Duration>(wait, 1ms, kTickMax));
    Pump();
  }
}

void Consumer::Pump() {
  if (stop_.is_set()) {
    return;
  }
  for (size_t ready = scheduler_.Ready(context_.clock.Steady()); ready > 0 && workers_ < context_.options.handlers_max;
       --ready) {
    ++workers_;
    context_.loop.Spawn([self = shared_from_this()] {
      self->Work();
      --self->workers_;
    });
  }
}

void Consumer::Work() {
  while (!stop_.is_set()) {
    const auto job = scheduler_.Next(context_.clock.Steady());
    if (!job) {
      return;
    }
    Handle(*job);
    room_.Set();
  }
}

void Consumer::Handle(const KeyScheduler::Job& job) {
  const Delivery& first = *job.deliveries.front();
  // Here and not before: a process that was frozen must notice before it hands out the next event.
  if (!leases_.Runs(first.family, first.token)) {
    scheduler_.Judge(job.line, Verdict::kHeld, context_.clock.Steady());
    return;
  }
  Deliveries together = job.deliveries;
  while (together.size() > 1) {
    std::optional<size_t> culprit;
    const Status done = HandleTogether(together, culprit);
    if (done) {
      scheduler_.Finish(job.line);
      return;
    }
    if (TellsOfNoEvent(done.error().code)) {
      if (scheduler_.Judge(job.line, Verdict::kAway, context_.clock.Steady()) == KeyScheduler::Step::kDrop) {
        scheduler_.Finish(job.line);
      }
      return;
    }
    const size_t left = scheduler_.Part(job.line, culprit);
    if (left == 0) {
      scheduler_.Finish(job.line);
      return;
    }
    if (stop_.is_set() || !leases_.Runs(first.family, first.token)) {
      scheduler_.Judge(job.line, Verdict::kHeld, context_.clock.Steady());
      return;
    }
    together.resize(left);
  }
  HandleOne(job);
}

void Consumer::HandleOne(const KeyScheduler::Job& job) {
  const Delivery& delivery = *job.deliveries.front();
  const Event& event = delivery.event;
  const CorrelationScope scope(event.correlation_id);
  bool duplicate = seen_[delivery.family].Contains(LaneOf(event), event.sequence);
  bool away = false;
  Status status;
  if (!duplicate) {
    const SteadyTime started = context_.clock.Steady();
    status = Call(delivery, job.attempt, duplicate, away);
    ProbeOf(event.type).duration.Observe(std::chrono::duration<double>(context_.clock.Steady() - started).count());
  }
  Verdict verdict = Verdict::kDone;
  if (!status) {
    verdict =
        away ? Verdict::kAway : (status.error().code == Errc::kInvalidArgument ? Verdict::kPoisoned : Verdict::kFailed);
    log::Warning("an event's handler failed",
                 {{"type", event.type}, {"id", event.id}, {"attempt", job.attempt}, {"error", status.error().message}});
  }
  switch (scheduler_.Judge(job.line, verdict, context_.clock.Steady())) {
    case KeyScheduler::Step::kRetryLater:
      return;
    case KeyScheduler::Step::kDrop:
      break;
    case KeyScheduler::Step::kDeadLetter:
      // It does not count as seen, for it was not applied: a replica that lagged and was promoted may have neither the
      // dead letter nor the acknowledgement.
      DeadLetter(delivery, status.error().message, job.attempt);
      break;
    case KeyScheduler::Step::kAcknowledge:
      Applied(delivery, duplicate);
      break;
  }
  scheduler_.Finish(job.line);
}

Status Consumer::HandleTogether(const Deliveries& deliveries, std::optional<size_t>& culprit) {
  const SeenWindow& seen = seen_[deliveries.front()->family];
  for (size_t i = 0; i < deliveries.size(); ++i) {
    if (seen.Contains(LaneOf(deliveries[i]->event), deliveries[i]->event.sequence)) {
      culprit = i;
      return Error{Errc::kConflict, "a repeat needs no transaction"};
    }
  }
  std::vector<bool> duplicates;
  const SteadyTime started = context_.clock.Steady();
  try {
    const bool at_once =
        std::ranges::all_of(deliveries, [](const Delivery* delivery) { return delivery->subscription->at_once; });
    if (const Status done = Transact(deliveries, at_once, duplicates, culprit); !done) {
      log::Info(
          "events that failed together are handled again",
          {{"type", deliveries.front()->event.type}, {"events", deliveries.size()}, {"reason", done.error().message}});
      return done;
    }
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, std::string("a handler threw: ") + exception.what()};
  }
  const std::chrono::duration<double> took = context_.clock.Steady() - started;
  for (size_t i = 0; i < deliveries.size(); ++i) {
    ProbeOf(deliveries[i]->event.type).duration.Observe(took.count() / static_cast<double>(deliveries.size()));
    Applied(*deliveries[i], duplicates[i]);
  }
  return {};
}

void Consumer::Applied(const Delivery& delivery, bool duplicate) {
  const Event& event = delivery.event;
  TypeProbe& probe = ProbeOf(event.type);
  (duplicate ? probe.duplicates : probe.consumed).Add();
  seen_[delivery.family].Insert(LaneOf(event), event.sequence);
  Acknowledge(delivery.family, delivery.token, delivery.entry, delivery.first);
}

Status Consumer::Call(const Delivery& delivery, int attempt, bool& duplicate, bool& away) {
  const Subscription& subscription = *delivery.subscription;
  Status status;
  try {
    if (subscription.handler) {
      status = subscription.handler(delivery.event);
    } else {
      std::vector<bool> duplicates;
      std::optional<size_t> culprit;
      status = Transact({&delivery}, subscription.at_once && attempt == 1, duplicates, culprit);
      duplicate = status && duplicates.front();
    }
  } catch (const std::exception& exception) {
    status = Error{Errc::kInternal, std::string("the handler threw: ") + exception.what()};
  }
  if (!status) {
    const Errc code = status.error().code;
    away = code == Errc::kCancelled || (!subscription.handler && SaysDatabaseIsAway(code));
  }
  return status;
}

postgres::Statement Consumer::Inbox(const Event& event, std::string_view on_repeat) const {
  return {fmt::format("INSERT INTO inbox (group_name, family, producer, incarnation, sequence) "
                      "VALUES ($1, $2, $3, $4, $5) {}",
                      on_repeat),
          {group_, FamilyOf(event.type), event.producer, event.incarnation, std::to_string(event.sequence)}};
}

Status Consumer::Transact(const Deliveries& deliveries, bool at_once, std::vector<bool>& duplicates,
                          std::optional<size_t>& culprit) {
  duplicates.assign(deliveries.size(), false);
  if (at_once) {
    Status done = TransactAtOnce(deliveries, culprit);
    if (done || done.error().code != Errc::kConflict) {
      return done;
    }
  }
  return context_.pool->Transact([&](postgres::Transaction& transaction) -> Status {
    culprit.reset();
    std::vector<postgres::Statement> inserts;
    for (const Delivery* delivery : deliveries) {
      inserts.push_back(Inbox(delivery->event, "ON CONFLICT DO NOTHING"));
    }
    QUANTUM_TRY(const auto inserted, transaction.Batch(std::move(inserts)));
    for (size_t i = 0; i < deliveries.size(); ++i) {
      duplicates[i] = inserted[i].affected() == 0;
    }
    return RunHandlers(deliveries, duplicates, transaction, culprit);
  });
}

Status Consumer::TransactAtOnce(const Deliveries& deliveries, std::optional<size_t>& culprit) {
  return context_.pool->Transact([&](postgres::Transaction& transaction) -> Status {
    culprit.reset();
    for (const Delivery* delivery : deliveries) {
      transaction.Guard(Inbox(delivery->event, ""));
    }
    return RunHandlers(deliveries, std::vector<bool>(deliveries.size(), false), transaction, culprit);
  });
}

Status Consumer::RunHandlers(const Deliveries& deliveries, const std::vector<bool>& duplicates,
                             postgres::Transaction& transaction, std::optional<size_t>& culprit) {
  for (size_t i = 0; i < deliveries.size(); ++i) {
    if (!duplicates[i]) {
      culprit = i;
      const CorrelationScope scope(deliveries[i]->event.correlation_id);
      QUANTUM_CHECK(deliveries[i]->subscription->transactional(deliveries[i]->event, transaction));
    }
  }
  culprit.reset();
  return {};
}

void Consumer::DeadLetter(const Delivery& delivery, const std::string& reason, int attempts) {
  if (leases_.Token(delivery.family) != delivery.token) {
    return;  // its reader is another one now, and tries it
  }
  const Event& event = delivery.event;
  InHand::Letter letter{
      event.type, {"reason", reason, "group", group_, "attempts", std::to_string(attempts), "entry", delivery.entry}};
  const auto fields = EntryFields(event);
  letter.fields.insert(letter.fields.end(), fields.begin(), fields.end());
  log::Error("an event goes to the dead letters",
             {{"type", event.type}, {"id", event.id}, {"key", event.key}, {"reason", reason}});
  in_hand_[delivery.family].Bury(delivery.entry, delivery.first, std::move(letter));
  acknowledgements_.Set();
}

void Consumer::BuryUnreadable(const std::string& family, const std::string& entry, const redis::Reply& fields,
                              const Error& why) {
  InHand::Letter letter{"unknown", {"reason", why.message, "group", group_, "attempts", "0", "entry", entry}};
  for (size_t i = 0; i < std::min(fields.elements.size(), kBuriedWordsMax); ++i) {
    letter.fields.push_back(fields.elements[i].text);
  }
  log::Error("an unreadable entry goes to the dead letters",
             {{"stream", family}, {"entry", entry}, {"reason", why.message}});
  in_hand_[family].Bury(entry, "", std::move(letter));
  acknowledgements_.Set();
}

void Consumer::Acknowledge(const std::string& family, uint64_t token, const std::string& entry,
                           const std::string& first) {
  if (leases_.Token(family) != token) {
    return;  // its reader is another one now, and acknowledges it
  }
  in_hand_[family].End(entry, first);
  acknowledgements_.Set();
}

void Consumer::SendAcknowledgements() {
  while (true) {
    if (acknowledgements_.WaitFor(1s)) {
      stopped_.WaitFor(kGather);
    }
    acknowledgements_.Reset();
    bool any = false;
    bool failed = false;
    for (const std::string& family : families_) {
      if (in_hand_[family].ended()) {
        any = true;
        failed = !SendBurials(family) || failed;
        failed = !SendAcknowledgements(family) || failed;
      }
    }
    if (!any && stopped_.is_set()) {
      return;
    }
    if (failed) {
      if (stopped_.is_set()) {
        return;  // they stay pending and are recognised as repeats later
      }
      fiber::SleepFor(100ms);
    }
    if (any) {
      acknowledgements_.Set();  // there may be more
    }
  }
}

bool Consumer::SendAcknowledgements(const std::string& family) {
  const auto entries = in_hand_[family].Collect(kAcknowledgedAtOnce);
  if (entries.empty()) {
    return true;
  }
  redis::Command command{"XACK", StreamKey(family), group_};
  if (leases_.fenced()) {
    command = {
        "FCALL",           "quantum_bus_4_acknowledge",          "2", StreamKey(family), leases_.Key(family), group_,
        leases_.session(), std::to_string(leases_.Token(family))};
  }
  command.insert(command.end(), entries.begin(), entries.end());
  return Tell(family, std::move(command), entries);
}

// Each entry in one step with its dead letters. Should the first answer be lost they may stand there twice.
bool Consumer::SendBurials(const std::string& family) {
  while (const auto burial = in_hand_[family].CollectBurial()) {
    redis::Command command{"FCALL",
                           "quantum_bus_4_bury",
                           "3",
                           StreamKey(family),
                           leases_.Key(family),
                           DeadLetterKey(family),
                           group_,
                           leases_.fenced() ? leases_.session() : "",
                           std::to_string(leases_.Token(family)),
                           burial->first};
    for (const InHand::Letter& letter : burial->second) {
      command.push_back(std::to_string(letter.fields.size()));
      command.insert(command.end(), letter.fields.begin(), letter.fields.end());
    }
    const uint64_t token = leases_.Token(family);
    if (!Tell(family, std::move(command), {burial->first})) {
      return false;
    }
    if (leases_.Token(family) != token) {
      return true;
    }
    unburied_.erase(family);
    for (const InHand::Letter& letter : burial->second) {
      ProbeOf(letter.type).dead.Add();
    }
  }
  return true;
}

// What was read under an earlier lease was taken out of hand, so that the present token is that of these entries.
bool Consumer::Tell(const std::string& family, redis::Command command, const std::vector<std::string>& entries) {
  const uint64_t token = leases_.Token(family);
  const auto done = context_.redis.Run(std::move(command), kAnswerMax);
  if (leases_.Token(family) != token) {
    return true;  // lost meanwhile: whoever reads now tells the broker
  }
  if (!done && RefusesLease(done.error())) {
    leases_.Refused(family, token);
    return true;
  }
  if (done) {
    in_hand_[family].Acknowledged(entries);
  } else {
    in_hand_[family].Return(entries);
    if (HasTooManyLetters(done.error()) && unburied_.emplace(family, done.error().message).second) {
      log::Critical("events that failed cannot go to the dead letters; they stay with their group",
                    {{"stream", family}, {"group", group_}, {"reason", done.error().message}});
    }
  }
  return done.ok();
}

std::string Consumer::trouble() const {
  std::string text;
  for (const auto& [family, reason] : unburied_) {
    text += fmt::format("{}stream {}: {}", text.empty() ? "" : "; ", family, reason);
  }
  return text;
}

}  // namespace quantum::bus
