#include "tests/simulation/line.h"

#include <algorithm>

#include "platform/base/assert.h"
#include "platform/redis/protocol.h"

namespace quantum::simulation {

namespace {

using redis::Discovery;
using redis::Endpoint;
using redis::Reply;

constexpr Duration kAnswerMax = std::chrono::seconds(3);
constexpr Duration kFrozen = std::chrono::seconds(30);
constexpr Duration kChosenIsNews = std::chrono::seconds(5);  // longer than the client's: more can happen
constexpr Duration kVerified = std::chrono::seconds(10);     // failover-timeout, and the time between two verifications
constexpr int kPort = 6379;

Endpoint EndpointOf(size_t node) { return {"10.0.0." + std::to_string(node), kPort}; }
size_t NodeOf(const Endpoint& endpoint) { return std::stoull(endpoint.host.substr(endpoint.host.rfind('.') + 1)); }

}  // namespace

void Line::Drop(bool may_arrive) {
  if (call_) {
    network_.Abandon(*call_, may_arrive);
    call_.reset();
  }
  answer_.reset();
  state_ = State::kDown;
}

void Line::Advance(Choices& choices) {
  if (call_) {
    switch (network_.StateOf(*call_)) {
      case Network::State::kOnItsWay:
        if (asked_ + kAnswerMax < clock_.Steady()) {
          Drop(choices.OneIn(2));
        }
        return;
      case Network::State::kBroken:
        call_.reset();
        state_ = State::kDown;
        return;
      case Network::State::kAnswered:
        answer_ = Parse(network_.TakeAnswer(*call_), choices);
        call_.reset();
        if (asked_ + kFrozen < clock_.Steady()) {
          visits_.Count(Visit::kFrozenWithAnswer);
        }
        break;
    }
  }
  switch (state_) {
    case State::kDown:
      return Begin(choices);
    case State::kFinding:
      return AskSentinel(choices);
    case State::kRole:
      return Judge();
    case State::kUp:
      if (breaks_ != network_.breaks(node_) || SentinelsNameAnother()) {
        return Drop(false);
      }
      // A node that says it is no master is dropped.
      if (answer_ && std::any_of(answer_->begin(), answer_->end(), [](const Reply& reply) {
            return reply.is_error() && redis::RefusesAsNode(reply.text);
          })) {
        Drop(false);
      }
      return;
  }
}

void Line::Begin(Choices& choices) {
  const auto& election = cluster_.election();
  if (via_ == nullptr && election && clock_.Steady() < election->at + kChosenIsNews && choices.OneIn(2)) {
    verdict_ = {Discovery::Verdict::Kind::kElected, EndpointOf(election->chosen), {}};
    node_ = election->chosen;
    AskRole();
  } else if (via_ == nullptr) {
    discovery_.emplace(kNodes);
    unasked_ = {0, 1, 2};
    state_ = State::kFinding;
  } else if (via_->connected()) {
    verdict_ = via_->verdict_;
    node_ = via_->node_;
    AskRole();
  }
}

void Line::Hear(Discovery& discovery, size_t sentinel, bool answers) const {
  if (!answers) {
    return discovery.OnSilence(sentinel, {Errc::kTimeout, "no answer in time"});
  }
  const Endpoint named = EndpointOf(cluster_.NamedBy(sentinel));
  discovery.OnAnswer(sentinel, ArrayReply({TextReply(named.host), TextReply(std::to_string(named.port))}));
}

// As the client finds out within some seconds. Of one that was chosen they know only after its failover.
bool Line::SentinelsNameAnother() const {
  if (verdict_.kind != Discovery::Verdict::Kind::kElected || clock_.Steady() < connected_at_ + kVerified) {
    return false;
  }
  Discovery discovery(kNodes);
  for (size_t sentinel = 0; sentinel < kNodes; ++sentinel) {
    Hear(discovery, sentinel, cluster_.Reaches(with_isolated_, sentinel));
  }
  const auto verdict = discovery.Decide(std::nullopt);
  return verdict.kind == Discovery::Verdict::Kind::kMaster && NodeOf(verdict.master) != node_;
}

void Line::AskSentinel(Choices& choices) {
  const auto next = unasked_.begin() + static_cast<long>(choices.Below(unasked_.size()));
  const size_t sentinel = *next;
  unasked_.erase(next);
  Hear(*discovery_, sentinel, cluster_.Reaches(with_isolated_, sentinel) && !choices.OneIn(12));
  verdict_ = discovery_->Decide(last_master_);
  switch (verdict_.kind) {
    case Discovery::Verdict::Kind::kUndecided:
      return;
    case Discovery::Verdict::Kind::kNone:
      visits_.Count(Visit::kNoMaster);
      state_ = State::kDown;
      return;
    case Discovery::Verdict::Kind::kElected:
      QUANTUM_ASSERT(false);  // no answer of a sentinel says so
      return;
    case Discovery::Verdict::Kind::kMaster:
      visits_.Count(Visit::kMasterByMajority);
      break;
    case Discovery::Verdict::Kind::kLast:
      visits_.Count(Visit::kMasterByMemory);
      break;
  }
  node_ = NodeOf(verdict_.master);
  AskRole();
}

void Line::AskRole() {
  state_ = State::kRole;
  breaks_ = network_.breaks(node_);
  Ask({{"ROLE"}});
}

void Line::Judge() {
  const auto role = redis::ParseRole(answer_->front());
  answer_.reset();
  if (!role || !redis::VerifyRole(verdict_, *role)) {
    visits_.Count(Visit::kRoleRefused);
    state_ = State::kDown;
    return;
  }
  visits_.Count(Visit::kConnected);
  if (verdict_.kind == Discovery::Verdict::Kind::kElected) {
    visits_.Count(Visit::kMasterByElection);
  }
  last_master_ = verdict_.master;
  state_ = State::kUp;
  connected_at_ = clock_.Steady();
  ++epoch_;
}

void Line::Ask(const std::vector<redis::Command>& commands) {
  QUANTUM_ASSERT(!call_ && !answer_);
  expected_ = commands.size();
  asked_ = clock_.Steady();
  call_ = network_.Send(node_, with_isolated_, commands);
}

std::optional<std::vector<Reply>> Line::Take() { return std::exchange(answer_, std::nullopt); }

// In pieces, as a socket gives them.
std::vector<Reply> Line::Parse(const std::string& bytes, Choices& choices) const {
  redis::ReplyParser parser;
  std::vector<Reply> replies;
  const size_t piece = choices.OneIn(4) ? 1 + choices.Below(bytes.size()) : bytes.size();
  for (size_t at = 0; at < bytes.size(); at += piece) {
    parser.Feed(std::string_view(bytes).substr(at, piece));
    while (true) {
      auto next = parser.Next();
      QUANTUM_ASSERT(next.ok());
      if (!next.value()) {
        break;
      }
      replies.push_back(std::move(*next.value()));
    }
  }
  QUANTUM_ASSERT(replies.size() == expected_);
  return replies;
}

}  // namespace quantum::simulation
