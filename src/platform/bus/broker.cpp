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

redis::Command AppendCommand(const Broker::Batch& batch, const std::string& session) {
  redis::Command words{"FCALL",
                       "quantum_bus_3_append",
                       "2",
                       StreamKey(batch.lane.family),
                       ProducersKey(batch.lane.family),
                       batch.lane.producer,
                       batch.lane.incarnation,
                       session,
                       std::to_string(batch.events.front()->sequence),
                       batch.gap ? "gap" : ""};
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
  const redis::Command load{"FUNCTION", "LOAD", "REPLACE", kFunctionLibrary};
  QUANTUM_TRY(const auto replies, Run({load}, kAnswerMax));
  return Judge(load, replies.front());
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
  return replies;
}

// The broker's own refusals of one command.
Status Broker::Judge(const redis::Command& command, const redis::Reply& reply) {
  if (!reply.is_error()) {
    return {};
  }
  if (reply.text.starts_with("FENCED")) {
    return Error{Errc::kConflict, reply.text};
  }
  if (reply.text.starts_with("QUOTA")) {
    return Error{Errc::kExhausted, reply.text};
  }
  if (redis::RefusesAsNode(reply.text)) {
    Disconnect();
  }
  return redis::ToError(command.front(), reply.text);
}

Result<std::vector<uint64_t>> Broker::Last(const std::vector<Lane>& lanes) {
  std::vector<redis::Command> commands;
  for (const Lane& lane : lanes) {
    commands.push_back(
        {"FCALL", "quantum_bus_3_last", "1", ProducersKey(lane.family), lane.producer, lane.incarnation});
  }
  std::vector<uint64_t> last;
  if (commands.empty()) {
    return last;
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax));
  for (size_t i = 0; i < replies.size(); ++i) {
    QUANTUM_CHECK(Judge(commands[i], replies[i]));
    last.push_back(static_cast<uint64_t>(replies[i].integer));
  }
  return last;
}

Result<std::vector<Broker::Answer>> Broker::Append(const std::vector<Batch>& batches) {
  std::vector<redis::Command> commands;
  for (const Batch& batch : batches) {
    commands.push_back(AppendCommand(batch, session_));
  }
  const bool wait = replicas_required_ > 0;
  if (wait) {
    commands.push_back({"WAIT", std::to_string(replicas_required_), std::to_string(kWaitMax.count())});
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax + kWaitMax));
  if (wait && (replies.back().is_error() || replies.back().integer < replicas_required_)) {
    // The master may be cut off and about to be deposed: what only it has does not count.
    return Error{Errc::kUnavailable,
                 fmt::format("{} of {} replicas required have the events", replies.back().integer, replicas_required_)};
  }
  std::vector<Answer> answers;
  for (size_t i = 0; i < batches.size(); ++i) {
    Answer answer{.last = 0, .taken = Judge(commands[i], replies[i])};
    const bool refused = !answer.taken && (answer.taken.error().code == Errc::kConflict ||
                                           answer.taken.error().code == Errc::kExhausted);
    if (!answer.taken && !refused) {
      return answer.taken.error();
    }
    if (!refused) {
      if (replies[i].elements.size() != 2) {
        return Error{Errc::kInternal, "the broker's append function answers in an unknown form"};
      }
      answer.last = static_cast<uint64_t>(replies[i].elements[0].integer);
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

Status Broker::Ping() {
  // ROLE and not PING: a master that was deposed answers PING as before.
  const redis::Command ask{"ROLE"};
  QUANTUM_TRY(const auto replies, Run({ask}, kAnswerMax));
  QUANTUM_CHECK(Judge(ask, replies.front()));
  QUANTUM_TRY(const redis::Role role, redis::ParseRole(replies.front()));
  if (!role.master) {
    Disconnect();
    return Error{Errc::kUnavailable, "the broker is no longer the master"};
  }
  return {};
}

}  // namespace quantum::bus
