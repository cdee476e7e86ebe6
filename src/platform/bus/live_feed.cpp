#include "platform/bus/live_feed.h"

#include "platform/base/correlation.h"
#include "platform/bus/codec.h"
#include "platform/bus/probe.h"
#include "platform/log/log.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 500ms;
constexpr Duration kAnswerMax = 2s;
constexpr size_t kBatch = 256;
constexpr const char* kStreamLength = "1000";
constexpr Duration kReconnect = 100ms;

void CountWhatWent(const std::optional<NewestQueue::Dropped>& dropped) {
  if (dropped) {
    CountDropped(dropped->type, dropped->superseded ? "superseded" : "queue_full");
  }
}

}  // namespace

void VolatileSender::Put(Event event) {
  CountWhatWent(queue_.Put(std::move(event)));
  work_.Set();
}

void VolatileSender::Run() {
  while (!stop_.is_set()) {
    if (queue_.size() == 0) {
      work_.Reset();
      work_.WaitFor(1s);
    } else if (!connection_ && !Connect()) {
      stop_.WaitFor(kReconnect);  // the queue keeps the newest of each key meanwhile
    } else {
      Send();
    }
  }
}

Status VolatileSender::Connect() {
  QUANTUM_TRY(auto connection, redis_.Dedicated(kAnswerMax));
  QUANTUM_TRY([[maybe_unused]] const auto named,
              connection->Run(redis::Command{"CLIENT", "SETNAME", kConnectionName}, kAnswerMax));
  connection_ = std::move(connection);
  return {};
}

void VolatileSender::Send() {
  std::vector<redis::Command> commands;
  std::vector<std::string> types;
  while (commands.size() < kBatch) {
    const auto event = queue_.Take();
    if (!event) {
      break;
    }
    redis::Command command{"XADD", StreamKey(FamilyOf(event->type)), "MAXLEN", "~", kStreamLength, "*"};
    const auto fields = EntryFields(*event);
    command.insert(command.end(), fields.begin(), fields.end());
    commands.push_back(std::move(command));
    types.push_back(event->type);
  }
  // Failed ones are not kept: by the time the broker is back they are stale.
  const auto replies = connection_->Run(commands, kAnswerMax);
  bool refused = !replies;
  for (size_t i = 0; i < types.size(); ++i) {
    if (replies && !(*replies)[i].is_error()) {
      ProbeOf(types[i]).published.Add();
    } else {
      refused = true;
      CountDropped(types[i], "not_sent");
    }
  }
  if (refused) {
    connection_.reset();  // it may lead to a node that is the master no more
  }
}

LiveFeed::LiveFeed(Context context, std::shared_ptr<const Subscription> subscription, std::vector<std::string> types)
    : context_(context), subscription_(std::move(subscription)), types_(std::move(types)), queue_(10'000) {
  QUANTUM_ASSERT(subscription_->handler);  // a value that may be dropped has no place in a transaction
}

void LiveFeed::Start() {
  const auto self = shared_from_this();
  for (void (LiveFeed::*body)() : {&LiveFeed::Fetch, &LiveFeed::HandOut}) {
    context_.loop.Spawn([self, body] {
      if (const auto pass = self->gate_.Enter()) {
        (self.get()->*body)();
      }
    });
  }
}

bool LiveFeed::Stop(Duration timeout) {
  stop_.Set();
  work_.Set();
  gate_.Close();
  return gate_.WaitEmptyFor(timeout);
}

bool LiveFeed::Fresh(const Event& event) const {
  return context_.clock.Now() - FromUnixNs(event.timestamp_ns) <= subscription_->newest_within;
}

void LiveFeed::Put(Event event) {
  if (!Fresh(event)) {
    CountDropped(event.type, "stale");
    return;
  }
  CountWhatWent(queue_.Put(std::move(event)));
  work_.Set();
}

void LiveFeed::Fetch() {
  const int64_t since = ToUnixMs(context_.clock.Now() - subscription_->newest_within);
  std::map<std::string, std::string> after;
  for (const std::string& type : types_) {
    after[StreamKey(FamilyOf(type))] = std::to_string(since) + "-0";
  }
  while (!stop_.is_set()) {
    auto connection = context_.redis.Dedicated(kAnswerMax);
    while (connection && !stop_.is_set()) {
      redis::Command command{"XREAD", "COUNT", "1000", "BLOCK", std::to_string(kBlock.count()), "STREAMS"};
      for (const auto& [stream, id] : after) {
        command.push_back(stream);
      }
      for (const auto& [stream, id] : after) {
        command.push_back(id);
      }
      const auto reply = (*connection)->Run(command, kBlock + kAnswerMax);
      if (!reply || reply->is_error()) {
        break;
      }
      for (const redis::Reply& stream : reply->elements) {
        const redis::Reply& entries = stream.elements.at(1);
        after[stream.elements.at(0).text] = entries.elements.back().elements.at(0).text;
        for (const redis::Reply& entry : entries.elements) {
          auto event = ParseEvent(entry.elements.at(1));
          if (event) {
            Put(std::move(*event));
          }
        }
      }
    }
    stop_.WaitFor(100ms);
  }
}

void LiveFeed::HandOut() {
  while (!stop_.is_set()) {
    const auto event = queue_.Take();
    if (!event) {
      work_.Reset();
      work_.WaitFor(1s);
      continue;
    }
    if (!Fresh(*event)) {
      CountDropped(event->type, "stale");
      continue;
    }
    const CorrelationScope scope(event->correlation_id);
    const SteadyTime started = context_.clock.Steady();
    const Status status = subscription_->handler(*event);
    ProbeOf(event->type).duration.Observe(std::chrono::duration<double>(context_.clock.Steady() - started).count());
    if (status) {
      ProbeOf(event->type).consumed.Add();
    } else {
      log::Warning("a volatile event's handler failed", {{"type", event->type}, {"error", status.error().message}});
    }
  }
}

}  // namespace quantum::bus
