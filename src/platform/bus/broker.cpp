#include "platform/bus/broker.h"

#include <algorithm>
#include <iterator>

#include "platform/bus/functions.h"
#include "platform/redis/discovery.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 2s;
constexpr auto kWaitMax = 1000ms;  // for the replicas' acknowledgement

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
  const auto refuses = [](const redis::Reply& reply) { return reply.is_error() && redis::RefusesAsNode(reply.text); };
  if (!replies || std::any_of(replies->begin(), replies->end(), refuses)) {
    Disconnect();
  }
  return replies;
}

Result<std::vector<uint64_t>> Broker::Last(const std::vector<Lane>& lanes) {
  std::vector<redis::Command> commands;
  std::transform(lanes.begin(), lanes.end(), std::back_inserter(commands), LastCommand);
  if (commands.empty()) {
    return std::vector<uint64_t>();
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax));
  return ReadLast(commands, replies);
}

Result<std::vector<Answer>> Broker::Append(const std::vector<Batch>& batches) {
  std::vector<redis::Command> commands;
  for (const Batch& batch : batches) {
    commands.push_back(AppendCommand(batch, session_));
  }
  if (replicas_required_ > 0) {
    commands.push_back({"WAIT", std::to_string(replicas_required_), std::to_string(kWaitMax.count())});
  }
  QUANTUM_TRY(const auto replies, Run(commands, kAnswerMax + kWaitMax));
  return ReadAnswers(commands, replies, replicas_required_);
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
