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

std::string LaneOf(const Event& event) { return event.producer + "/" + event.incarnation; }

bool SaysDatabaseIsAway(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kTimeout || code == Errc::kUnknownOutcome ||
         code == Errc::kExhausted;
}

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
  const Delivery& delivery = *job.delivery;
  const Event& event = delivery.event;
  // Here and not before: a process that was frozen must notice before it hands out the next event.
  if (!leases_.Runs(delivery.family, delivery.token)) {
    scheduler_.Judge(job.key, Verdict::kHeld, context_.clock.Steady());
    return;
  }
  TypeProbe& probe = ProbeOf(event.type);
  SeenWindow& seen = seen_[delivery.family];
  const CorrelationScope scope(event.correlation_id);
  // A dead letter that the operator sends back was seen before, and was not applied.
  bool duplicate = event.only_for.empty() && seen.Contains(LaneOf(event), event.sequence);
  bool away = false;
  Status status;
  if (!duplicate) {
    const SteadyTime started = context_.clock.Steady();
    status = Call(delivery, duplicate, away);
    probe.duration.Observe(std::chrono::duration<double>(context_.clock.Steady() - started).count());
  }
  Verdict verdict = Verdict::kDone;
  if (!status) {
    verdict =
        away ? Verdict::kAway : (status.error().code == Errc::kInvalidArgument ? Verdict::kPoisoned : Verdict::kFailed);
    log::Warning("an event's handler failed",
                 {{"type", event.type}, {"id", event.id}, {"attempt", job.attempt}, {"error", status.error().message}});
  }
  const auto step = scheduler_.Judge(job.key, verdict, context_.clock.Steady());
  if (step == KeyScheduler::Step::kRetryLater) {
    return;
  }
  if (step == KeyScheduler::Step::kDrop) {
    scheduler_.Finish(job.key);
    return;
  }
  if (step == KeyScheduler::Step::kDeadLetter) {
    if (!DeadLetter(delivery, status.error().message, job.attempt)) {
      return;  // not acknowledged: it comes again in the next life
    }
    probe.dead.Add();
  } else if (duplicate) {
    probe.duplicates.Add();
  } else {
    probe.consumed.Add();
  }
  seen.Insert(LaneOf(event), event.sequence);
  Acknowledge(delivery.family, delivery.token, delivery.entry);
  scheduler_.Finish(job.key);
}

Status Consumer::Call(const Delivery& delivery, bool& duplicate, bool& away) {
  const Event& event = delivery.event;
  const Subscription& subscription = *delivery.subscription;
  Status status;
  try {
    if (subscription.handler) {
      status = subscription.handler(event);
    } else {
      status = context_.pool->Transact([&](postgres::Transaction& transaction) -> Status {
        duplicate = false;
        QUANTUM_TRY(const auto inserted,
                    transaction.Query("INSERT INTO inbox (group_name, family, producer, incarnation, sequence) "
                                      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                                      {group_, FamilyOf(event.type), event.producer, event.incarnation,
                                       std::to_string(event.sequence)}));
        if (inserted.affected() == 0) {
          duplicate = true;
          return {};
        }
        return subscription.transactional(event, transaction);
      });
      if (status) {
        context_.committed();
      }
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

bool Consumer::DeadLetter(const Delivery& delivery, const std::string& reason, int attempts) {
  redis::Command command{"XADD",     DeadLetterKey(delivery.family), "*",     "reason",      reason, "group", group_,
                         "attempts", std::to_string(attempts),       "entry", delivery.entry};
  const auto fields = EntryFields(delivery.event);
  command.insert(command.end(), fields.begin(), fields.end());
  log::Error(
      "an event goes to the dead letters",
      {{"type", delivery.event.type}, {"id", delivery.event.id}, {"key", delivery.event.key}, {"reason", reason}});
  // Until it stands there it may not be acknowledged. Should the first answer be lost it may stand there twice.
  while (!context_.redis.Run(command, kAnswerMax)) {
    if (stopped_.WaitFor(200ms)) {
      return false;
    }
  }
  return true;
}

void Consumer::BuryUnreadable(const std::string& family, uint64_t token, const std::string& entry,
                              const redis::Reply& fields, const Error& why) {
  redis::Command command{
      "XADD", DeadLetterKey(family), "*", "reason", why.message, "group", group_, "attempts", "0", "entry", entry};
  for (const redis::Reply& field : fields.elements) {
    command.push_back(field.text);
  }
  log::Error("an unreadable entry goes to the dead letters",
             {{"stream", family}, {"entry", entry}, {"reason", why.message}});
  context_.loop.Spawn([self = shared_from_this(), family, token, entry, command = std::move(command)] {
    const auto pass = self->gate_.Enter();
    if (!pass) {
      return;
    }
    while (!self->context_.redis.Run(command, kAnswerMax)) {
      if (self->stopped_.WaitFor(200ms)) {
        return;
      }
    }
    ProbeOf("unknown").dead.Add();
    self->Acknowledge(family, token, entry);
  });
}

void Consumer::Acknowledge(const std::string& family, uint64_t token, const std::string& entry) {
  if (leases_.Token(family) != token) {
    return;  // its reader is another one now, and acknowledges it
  }
  to_acknowledge_[family].push_back(entry);
  acknowledgements_.Set();
}

void Consumer::SendAcknowledgements() {
  while (true) {
    acknowledgements_.WaitFor(1s);
    acknowledgements_.Reset();
    auto batch = std::exchange(to_acknowledge_, {});
    if (batch.empty() && stopped_.is_set()) {
      return;
    }
    bool failed = false;
    for (auto& [family, entries] : batch) {
      const uint64_t token = leases_.Token(family);  // what was read under an earlier one was taken out
      failed = !SendAcknowledgements(family, token, std::move(entries)) || failed;
    }
    if (failed) {
      if (stopped_.is_set()) {
        return;  // they stay pending and are recognised as repeats later
      }
      fiber::SleepFor(100ms);
      acknowledgements_.Set();
    } else if (stopped_.is_set()) {
      acknowledgements_.Set();
    }
  }
}

// False when it has to be done again.
bool Consumer::SendAcknowledgements(const std::string& family, uint64_t token, std::vector<std::string> entries) {
  redis::Command command{"XACK", StreamKey(family), group_};
  if (leases_.fenced()) {
    command = {"FCALL",           "quantum_bus_3_acknowledge", "2", StreamKey(family), leases_.Key(family), group_,
               leases_.session(), std::to_string(token)};
  }
  const size_t count = std::min(entries.size(), kAcknowledgedAtOnce);
  command.insert(command.end(), entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count));
  const auto done = context_.redis.Run(std::move(command), kAnswerMax);
  if (leases_.Token(family) != token) {
    return true;  // lost meanwhile
  }
  if (!done && done.error().message.find("LEASE ") != std::string::npos) {
    leases_.Refused(family, token);
    return true;
  }
  size_t acknowledged = 0;
  if (done) {
    acknowledged = count;
    auto& known = known_[family];
    for (size_t i = 0; i < acknowledged; ++i) {
      known.erase(entries[i]);
    }
  }
  if (acknowledged < entries.size()) {
    auto& again = to_acknowledge_[family];
    again.insert(again.begin(), entries.begin() + static_cast<std::ptrdiff_t>(acknowledged), entries.end());
    acknowledgements_.Set();
  }
  return done.ok();
}

}  // namespace quantum::bus
