#include "platform/bus/broker.h"

#include <fmt/format.h>

#include "platform/bus/codec.h"
#include "platform/bus/functions.h"
#include "platform/redis/discovery.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 2s;
constexpr auto kWaitMax = 1000ms;  // for the replicas' acknowledgement

redis::Command AppendCommand(const Broker::Batch& batch) {
  redis::Command words{"FCALL", "quantum_bus_1_append", "2", StreamKey(batch.lane.family),
                       ProducersKey(batch.lane.family), batch.lane.producer, batch.lane.incarnation,
                       std::to_string(batch.events.front()->sequence), batch.gap ? "gap" : ""};
  words.reserve(words.size() + 9 * batch.events.size());
  for (const EventPtr& event : batch.events) {
    AppendStoredFields(*event, words);
  }
  return words;
}

}  // namespace

Status Broker::Connect(Duration timeout) {
  QUANTUM_TRY(connection_, redis_.Dedicated(timeout));
  // Every time: the library is small, and a new master that was promoted too early may lack it.
  QUANTUM_TRY(auto replies, Run({{"FUNCTION", "LOAD", "REPLACE", kFunctionLibrary}}, kAnswerMax));
  return {};
}

Result<std::vector<redis::Reply>> Broker::Run(const std::vector<redis::Command>& commands, Duration timeout) {
  if (!connection_) {
    return Error{Errc::kUnavailable, "not connected to the broker"};
  }
  auto replies = connection_->Run(commands, timeout);
  if (!replies) {
    Disconnect();
    return replies.error();
  }
  for (size_t i = 0; i < commands.size(); ++i) {
    const redis::Reply& reply = (*replies)[i];
    if (reply.is_error()) {
      if (redis::RefusesAsNode(reply.text)) {
        Disconnect();
      }
      return redis::ToError(commands[i].front(), reply.text);
    }
  }
  return replies;
}

Result<std::vector<uint64_t>> Broker::Last(const std::vector<Lane>& lanes) {
  std::vector<redis::Command> commands;
  for (const Lane& lane : lanes) {
    commands.push_back({"FCALL", "quantum_bus_1_last", "1", ProducersKey(lane.family), lane.producer, lane.incarnation});
  }
  std::vector<uint64_t> last;
  if (commands.empty()) {
    return last;
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax));
  for (const redis::Reply& reply : replies) {
    last.push_back(static_cast<uint64_t>(reply.integer));
  }
  return last;
}

Result<std::vector<uint64_t>> Broker::Append(const std::vector<Batch>& batches) {
  std::vector<redis::Command> commands;
  for (const Batch& batch : batches) {
    commands.push_back(AppendCommand(batch));
  }
  const bool wait = replicas_required_ > 0;
  if (wait) {
    commands.push_back({"WAIT", std::to_string(replicas_required_), std::to_string(kWaitMax.count())});
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax + kWaitMax));
  if (wait && replies.back().integer < replicas_required_) {
    // The master may be cut off and about to be deposed: what only it has does not count.
    return Error{Errc::kUnavailable, fmt::format("{} of {} replicas required have the events", replies.back().integer,
                                                 replicas_required_)};
  }
  std::vector<uint64_t> last;
  for (size_t i = 0; i < batches.size(); ++i) {
    if (replies[i].elements.size() != 2) {
      return Error{Errc::kInternal, "the broker's append function answers in an unknown form"};
    }
    last.push_back(static_cast<uint64_t>(replies[i].elements[0].integer));
  }
  return last;
}

Status Broker::Ping() {
  // ROLE and not PING: a master that was deposed answers PING as before.
  QUANTUM_TRY(const auto replies, Run({{"ROLE"}}, kAnswerMax));
  QUANTUM_TRY(const redis::Role role, redis::ParseRole(replies.front()));
  if (!role.master) {
    Disconnect();
    return Error{Errc::kUnavailable, "the broker is no longer the master"};
  }
  return {};
}

Status Broker::Forget(const std::string& family, std::chrono::seconds idle) {
  QUANTUM_TRY(const auto replies, Run({{"FCALL", "quantum_bus_1_forget", "1", ProducersKey(family),
                                        std::to_string(idle.count())}}, kAnswerMax));
  return {};
}

}  // namespace quantum::bus
