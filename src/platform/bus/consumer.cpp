#include "platform/bus/consumer.h"

#include "platform/bus/codec.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 500ms;  // of one XREADGROUP: also how fast a stop is seen
constexpr Duration kAnswerMax = 2s;
constexpr size_t kFetch = 256;
constexpr size_t kClaim = 100;
// Reading our own pending entries after this id finds none, but tells the broker that we live.
constexpr const char* kBeyondAll = "18446744073709551615-0";

}  // namespace

Consumer::Consumer(Context context, std::string service)
    : context_(context),
      service_(std::move(service)),
      group_(GroupName(service_)),
      scheduler_(context.options.handlers_max) {}

void Consumer::Add(std::shared_ptr<const Subscription> subscription, const std::string& type) {
  families_.insert(FamilyOf(type));
  QUANTUM_ASSERT(by_type_.emplace(type, std::move(subscription)).second);  // one handler per group and type
}

Status Consumer::CreateGroups(Duration timeout) {
  for (const std::string& family : families_) {
    const auto made = context_.redis.Run({"XGROUP", "CREATE", StreamKey(family), group_, "0", "MKSTREAM"}, timeout);
    if (!made && made.error().message.find("BUSYGROUP") == std::string::npos) {
      return made.error();
    }
  }
  return {};
}

void Consumer::Start() {
  const auto self = shared_from_this();
  for (void (Consumer::*body)() :
       {&Consumer::Fetch, &Consumer::TakeOver, &Consumer::Tick, &Consumer::SendAcknowledgements}) {
    context_.loop.Spawn([self, body] {
      if (const auto pass = self->gate_.Enter()) {
        (self.get()->*body)();
      }
    });
  }
}

bool Consumer::StopConsuming(Duration timeout) {
  const auto deadline = resilience::Deadline::After(timeout);
  stop_.Set();
  room_.Set();
  while (workers_ > 0 && !deadline.passed()) {
    fiber::SleepFor(5ms);
  }
  // The acknowledging fiber sends what there is before it ends.
  stopped_.Set();
  acknowledgements_.Set();
  gate_.Close();
  return gate_.WaitEmptyFor(std::max(deadline.left(), Duration(0))) && to_acknowledge_.empty();
}

void Consumer::Fetch() {
  resilience::Backoff backoff({.base = 50ms, .cap = 1s, .floor = 20ms}, SystemRandom());
  std::string trouble;
  while (!stop_.is_set()) {
    Status status = CreateGroups(kAnswerMax);
    if (status) {
      auto connection = context_.redis.Dedicated(kAnswerMax);
      status = connection ? FetchPending(**connection) : Status(connection.error());
      while (status && !stop_.is_set()) {
        backoff.Reset();
        trouble.clear();
        status = FetchNew(**connection);
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

// What this consumer was given before, by an earlier life or over a connection that broke.
Status Consumer::FetchPending(redis::Connection& connection) {
  for (const std::string& family : families_) {
    const std::string stream = StreamKey(family);
    std::string after = "0";
    while (!stop_.is_set()) {
      if (scheduler_.queued() >= context_.options.fetched_max) {
        room_.Reset();
        room_.WaitFor(100ms);
        continue;
      }
      QUANTUM_TRY(const auto reply,
                  connection.Run(redis::Command{"XREADGROUP", "GROUP", group_, context_.options.producer, "COUNT",
                                                std::to_string(kFetch), "STREAMS", stream, after},
                                 kAnswerMax));
      if (reply.is_error()) {
        return Error{Errc::kUnavailable, "XREADGROUP: " + reply.text};
      }
      if (reply.elements.empty() || reply.elements[0].elements.size() != 2 ||
          reply.elements[0].elements[1].elements.empty()) {
        break;
      }
      const redis::Reply& entries = reply.elements[0].elements[1];
      after = entries.elements.back().elements.at(0).text;
      Take(stream, entries);
    }
  }
  return {};
}

Status Consumer::FetchNew(redis::Connection& connection) {
  if (scheduler_.queued() >= context_.options.fetched_max) {
    room_.Reset();
    room_.WaitFor(100ms);
    return {};
  }
  redis::Command command{"XREADGROUP", "GROUP",
                         group_,       context_.options.producer,
                         "COUNT",      std::to_string(kFetch),
                         "BLOCK",      std::to_string(kBlock.count()),
                         "STREAMS"};
  for (const std::string& family : families_) {
    command.push_back(StreamKey(family));
  }
  command.insert(command.end(), families_.size(), ">");
  QUANTUM_TRY(const auto reply, connection.Run(command, kBlock + kAnswerMax));
  if (reply.is_error()) {
    return Error{Errc::kUnavailable, "XREADGROUP: " + reply.text};
  }
  for (const redis::Reply& stream : reply.elements) {
    Take(stream.elements.at(0).text, stream.elements.at(1));
  }
  return {};
}

void Consumer::Take(const std::string& stream, const redis::Reply& entries) {
  for (const redis::Reply& entry : entries.elements) {
    if (entry.elements.size() != 2) {
      continue;
    }
    const std::string& id = entry.elements[0].text;
    if (!known_.emplace(stream, id).second) {
      continue;  // being handled, or its acknowledgement is on its way
    }
    const redis::Reply& fields = entry.elements[1];
    if (fields.elements.empty()) {
      Acknowledge(stream, id);  // pending, but no longer in the stream
      continue;
    }
    auto event = ParseEntry(fields);
    if (!event) {
      BuryUnreadable(stream, id, fields, event.error());
      continue;
    }
    const auto subscription = by_type_.find(event->type);
    const bool for_another = !event->only_for.empty() && event->only_for != service_;
    if (subscription == by_type_.end() || for_another) {
      Acknowledge(stream, id);
      continue;
    }
    scheduler_.Push({stream, id, std::move(*event), subscription->second.get()});
  }
  Pump();
}

void Consumer::TakeOver() {
  const Duration interval = std::min<Duration>(context_.options.takeover_idle / 4, 1s);
  while (!stop_.WaitFor(interval)) {
    for (const std::string& family : families_) {
      const std::string stream = StreamKey(family);
      // The broker of this version counts only reads that found something as a sign of life; this one always counts.
      static_cast<void>(context_.redis.Run(
          {"XREADGROUP", "GROUP", group_, context_.options.producer, "COUNT", "1", "STREAMS", stream, kBeyondAll},
          kAnswerMax));
      const auto consumers = context_.redis.Run({"XINFO", "CONSUMERS", stream, group_}, kAnswerMax);
      if (!consumers) {
        continue;
      }
      for (const redis::Reply& consumer : consumers->elements) {
        const redis::Reply* const name = FindField(consumer, "name");
        const redis::Reply* const pending = FindField(consumer, "pending");
        const redis::Reply* const idle = FindField(consumer, "idle");
        if (name != nullptr && pending != nullptr && idle != nullptr && name->text != context_.options.producer &&
            pending->integer > 0 && std::chrono::milliseconds(idle->integer) > context_.options.takeover_idle &&
            !stop_.is_set()) {
          ClaimFrom(stream, name->text);
        }
      }
    }
  }
}

void Consumer::ClaimFrom(const std::string& stream, const std::string& consumer) {
  const auto pending =
      context_.redis.Run({"XPENDING", stream, group_, "-", "+", std::to_string(kClaim), consumer}, kAnswerMax);
  if (!pending || pending->elements.empty()) {
    return;
  }
  const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(context_.options.takeover_idle).count();
  redis::Command claim{"XCLAIM", stream, group_, context_.options.producer, std::to_string(idle)};
  for (const redis::Reply& entry : pending->elements) {
    claim.push_back(entry.elements.at(0).text);
  }
  const auto claimed = context_.redis.Run(std::move(claim), kAnswerMax);
  if (claimed && !claimed->elements.empty()) {
    log::Warning("taking over the pending events of a silent consumer",
                 {{"stream", stream}, {"consumer", consumer}, {"events", claimed->elements.size()}});
    Take(stream, *claimed);
  }
}

}  // namespace quantum::bus
