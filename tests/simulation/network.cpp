#include "tests/simulation/network.h"

#include <algorithm>

#include "platform/base/assert.h"
#include "platform/redis/protocol.h"

namespace quantum::simulation {

namespace {

constexpr uint64_t kLateness = 20;                      // so much slower arrives what nobody waits for
constexpr Duration kWaitMax = std::chrono::seconds(1);  // as WAIT's argument

// A request has the form of an answer: an array of texts.
std::vector<redis::Command> Decode(const std::string& bytes) {
  redis::ReplyParser parser;
  parser.Feed(bytes);
  std::vector<redis::Command> commands;
  while (true) {
    const auto next = parser.Next();
    QUANTUM_ASSERT(next.ok());
    if (!next.value()) {
      return commands;
    }
    redis::Command& command = commands.emplace_back();
    for (const redis::Reply& word : next.value()->elements) {
      command.push_back(word.text);
    }
  }
}

}  // namespace

uint64_t Network::Send(size_t node, bool with_isolated, const std::vector<redis::Command>& commands) {
  calls_.push_back({.number = ++numbers_,
                    .node = node,
                    .with_isolated = with_isolated,
                    .bytes = redis::Encode(commands),
                    .replies = {},
                    .since = clock_.Steady()});
  return numbers_;
}

const Network::Call* Network::Find(uint64_t number) const {
  const auto found = std::find_if(calls_.begin(), calls_.end(),
                                  [&](const Call& call) { return call.number == number && !call.abandoned; });
  return found == calls_.end() ? nullptr : &*found;
}

Network::State Network::StateOf(uint64_t number) const {
  const Call* const call = Find(number);
  if (call == nullptr) {
    return State::kBroken;
  }
  return call->phase == Phase::kArrived ? State::kAnswered : State::kOnItsWay;
}

std::string Network::TakeAnswer(uint64_t number) {
  const Call* const call = Find(number);
  QUANTUM_ASSERT(call != nullptr && call->phase == Phase::kArrived);
  std::string bytes = call->bytes;
  Erase(static_cast<size_t>(call - calls_.data()));
  return bytes;
}

void Network::Abandon(uint64_t number, bool may_arrive) {
  if (const Call* const call = Find(number)) {
    const auto at = static_cast<size_t>(call - calls_.data());
    if (may_arrive && call->phase == Phase::kToNode) {
      calls_[at].abandoned = true;
    } else {
      visits_.Count(Visit::kAnswerLost);
      Erase(at);
    }
  }
}

void Network::Erase(size_t at) {
  std::swap(calls_[at], calls_.back());
  calls_.pop_back();
}

void Network::Execute(Call& call) {
  if (call.abandoned) {
    visits_.Count(Visit::kOrphanExecuted);
  }
  const auto commands = Decode(call.bytes);
  call.replies = cluster_.Execute(call.node, commands);
  call.since = clock_.Steady();
  if (commands.back()[0] == "WAIT" && !call.replies.back().is_error()) {
    call.offset = cluster_.LogEnd(call.node);
    call.replicas = std::stoull(commands.back()[1]);
    call.phase = Phase::kWaiting;
  } else {
    Answer(call);
  }
}

void Network::Answer(Call& call) {
  call.bytes.clear();
  for (const redis::Reply& reply : call.replies) {
    call.bytes += EncodeReply(reply);
  }
  call.phase = Phase::kToClient;
}

void Network::Advance(size_t at) {
  Call& call = calls_[at];
  if (call.phase == Phase::kArrived) {
    return;
  }
  if (call.phase != Phase::kWaiting &&
      (!cluster_.Reaches(call.with_isolated, call.node) || !cluster_.node(call.node).up)) {
    Erase(at);
    return;
  }
  if (call.phase == Phase::kToNode) {
    Execute(call);
    if (call.abandoned) {
      Erase(at);
    }
  } else if (call.phase == Phase::kWaiting) {
    if (const size_t have = cluster_.ReplicasThatHave(call.node, call.offset); have >= call.replicas) {
      visits_.Count(Visit::kWaitSatisfied);
      call.replies.back().integer = static_cast<int64_t>(have);
      Answer(call);
    }
  } else {
    call.phase = Phase::kArrived;
  }
}

void Network::Deliver(Choices& choices) {
  if (!calls_.empty()) {
    const size_t at = choices.Below(calls_.size());
    if (!calls_[at].abandoned || choices.OneIn(kLateness)) {
      Advance(at);
    }
  }
}

void Network::Lose(Choices& choices) {
  if (!calls_.empty()) {
    const size_t at = choices.Below(calls_.size());
    if (calls_[at].phase == Phase::kArrived) {
      return;  // it is in the client's hands
    }
    if (calls_[at].phase == Phase::kToClient) {
      visits_.Count(Visit::kAnswerLost);
    }
    Erase(at);
  }
}

void Network::Repeat(Choices& choices) {
  if (!calls_.empty()) {
    Call copy = calls_[choices.Below(calls_.size())];
    // Not reading: whoever asks for events does not ask twice over one connection.
    if (copy.phase == Phase::kToNode && copy.bytes.find("XREADGROUP") == std::string::npos) {
      copy.abandoned = true;
      calls_.push_back(std::move(copy));
    }
  }
}

void Network::GiveUpWait() {
  for (Call& call : calls_) {
    if (call.phase == Phase::kWaiting && call.since + kWaitMax <= clock_.Steady()) {
      visits_.Count(Visit::kWaitFailed);
      call.replies.back().integer = static_cast<int64_t>(cluster_.ReplicasThatHave(call.node, call.offset));
      Answer(call);
    }
  }
}

void Network::DeliverAll() {
  for (size_t left = 4 * calls_.size(); left > 0 && !calls_.empty(); --left) {
    Advance(left % calls_.size());
  }
}

void Network::BreakConnectionsOf(const std::vector<size_t>& nodes) {
  for (const size_t node : nodes) {
    ++breaks_.at(node);
    // An answer that was sent may still arrive.
    std::erase_if(calls_, [&](const Call& call) {
      return call.node == node && (call.phase == Phase::kWaiting || call.phase == Phase::kToNode);
    });
  }
}

}  // namespace quantum::simulation
