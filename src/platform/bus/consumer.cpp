#include "platform/bus/consumer.h"

#include <algorithm>

#include "platform/bus/codec.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 2s;
constexpr Duration kReleaseMax = 500ms;
constexpr Duration kStandbyRest = 100ms;  // until a standby looks again, if nobody tells it before

}  // namespace

Consumer::Consumer(Context context, std::string service)
    : context_(context),
      service_(std::move(service)),
      group_(GroupName(service_)),
      leases_(context.redis, service_,
              {.holder = context.options.producer,
               .session = context.session,
               .length = context.options.lease,
               .claims = context.options.works_from_start},
              context.options.replicas_required, context.clock,
              {.gained = [this](const std::string&) { gained_.Set(); },
               .lost = [this](const std::string& family) { Lose(family); }}),
      fetcher_(group_, context.options.producer, leases_, context.clock,
               [this](const std::string& family, uint64_t token, const redis::Reply& entries) {
                 return Take(family, token, entries);
               }),
      scheduler_(context.options.handlers_max) {}

void Consumer::Add(std::shared_ptr<const Subscription> subscription, const std::string& type) {
  if (const std::string family = FamilyOf(type); families_.insert(family).second) {
    leases_.Add(family);
    fetcher_.Add(family);
  }
  for (const auto& [other, of_other] : by_type_) {  // or the order of a key that both have would be lost
    QUANTUM_ASSERT(FamilyOf(other) != FamilyOf(type) ||
                   (of_other->together == Together::kOfStream) == (subscription->together == Together::kOfStream));
  }
  QUANTUM_ASSERT(by_type_.emplace(type, std::move(subscription)).second);  // one handler per group and type
}

Status Consumer::CreateGroups(Duration timeout) {
  for (const std::string& family : families_) {
    auto made = context_.redis.Run({"XGROUP", "CREATE", StreamKey(family), group_, "0", "MKSTREAM"}, timeout);
    if (!made && made.error().code == Errc::kExhausted) {  // a full broker, and reading is what makes room
      made = context_.redis.Run({"FCALL", "quantum_bus_4_group", "1", StreamKey(family), group_}, timeout);
    }
    if (!made && made.error().message.find("BUSYGROUP") == std::string::npos) {
      return made.error();
    }
  }
  return {};
}

void Consumer::Start() {
  const auto self = shared_from_this();
  for (void (Consumer::*body)() :
       {&Consumer::KeepLeases, &Consumer::Fetch, &Consumer::Tick, &Consumer::SendAcknowledgements}) {
    context_.loop.Spawn([self, body] {
      if (const auto pass = self->gate_.Enter()) {
        (self.get()->*body)();
      }
    });
  }
}

bool Consumer::StopConsuming(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout, context_.clock);
  stop_.Set();
  room_.Set();
  gained_.Set();
  while (workers_ > 0 && !deadline.passed()) {
    fiber::SleepFor(5ms);
  }
  // The acknowledging fiber sends what there is before it ends.
  stopped_.Set();
  acknowledgements_.Set();
  leases_.Stop();
  gate_.Close();
  const bool ended = gate_.WaitEmptyFor(std::max(deadline.left(), Duration(0))) && workers_ == 0;
  if (!ended || std::any_of(in_hand_.begin(), in_hand_.end(), [](const auto& hand) { return hand.second.ended(); })) {
    return false;  // the leases run out by themselves, which gives what is still being handled some time
  }
  leases_.Release(kReleaseMax);
  return true;
}

std::vector<Bus::Reader> Consumer::readers() const {
  std::vector<Bus::Reader> readers;
  for (const std::string& family : families_) {
    const uint64_t token = leases_.Token(family);
    readers.push_back({.group = service_,
                       .family = family,
                       .active = token != 0 && leases_.Runs(family, token),
                       .process = leases_.holder(family)});
  }
  return readers;
}

void Consumer::Fetch() {
  resilience::Backoff backoff({.base = 50ms, .cap = 1s, .floor = 20ms}, context_.random);
  std::string trouble;
  while (!stop_.is_set()) {
    Status status = CreateGroups(kAnswerMax);
    if (status) {
      auto connection = context_.redis.Dedicated(kAnswerMax);
      status = connection ? Status() : Status(connection.error());
      fetcher_.StartOver();
      while (status && !stop_.is_set()) {
        if (scheduler_.queued() >= context_.options.fetched_max) {
          room_.Reset();
          room_.WaitFor(100ms);
          continue;
        }
        gained_.Reset();
        const auto reads = fetcher_.Round(**connection);
        status = reads ? Status() : Status(reads.error());
        if (status) {
          backoff.Reset();
          trouble.clear();
          if (!*reads) {
            gained_.WaitFor(kStandbyRest);
          }
        }
      }
    }
    if (!status) {
      if (status.error().message != trouble) {
        trouble = status.error().message;
        log::Warning("no events can be fetched", {{"group", group_}, {"reason", trouble}});
      }
      stop_.WaitFor(backoff.Next());
    }
  }
}

size_t Consumer::Take(const std::string& family, uint64_t token, const redis::Reply& entries) {
  if (leases_.Token(family) != token) {
    return 0;  // lost since they were read; in hand they would never be handled, nor taken once more
  }
  size_t count = 0;
  for (const redis::Reply& entry : entries.elements) {
    if (entry.elements.size() != 2) {
      continue;
    }
    const std::string& id = entry.elements[0].text;
    const redis::Reply& fields = entry.elements[1];
    auto events = ParseEntry(fields);
    const std::string first = events ? NameOf(events->front()) : std::string();
    count += events ? events->size() : 1;
    if (!in_hand_[family].Take(id, first, events ? events->size() : 1)) {
      continue;  // being handled, or its acknowledgement is on its way
    }
    if (fields.elements.empty()) {
      Acknowledge(family, token, id, first);  // pending, but no longer in the stream
      continue;
    }
    if (!events) {
      BuryUnreadable(family, id, fields, events.error());
      continue;
    }
    for (Event& event : *events) {
      const auto subscription = by_type_.find(event.type);
      const bool for_another = !event.only_for.empty() && event.only_for != service_;
      if (subscription == by_type_.end() || for_another) {
        Acknowledge(family, token, id, first);
        continue;
      }
      scheduler_.Push({.family = family,
                       .entry = id,
                       .first = first,
                       .token = token,
                       .event = std::move(event),
                       .subscription = subscription->second.get(),
                       .joins = subscription->second->together});
    }
  }
  Pump();
  return count;
}

// Another process reads the stream now, from the oldest entry on that we did not acknowledge.
void Consumer::Lose(const std::string& family) {
  scheduler_.Abandon(family);
  in_hand_[family] = {};
  unburied_.erase(family);
  room_.Set();
}

}  // namespace quantum::bus
