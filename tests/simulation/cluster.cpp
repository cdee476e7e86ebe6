#include "tests/simulation/cluster.h"

#include <algorithm>

namespace quantum::simulation {

namespace {

using namespace std::chrono_literals;
using redis::Command;
using redis::Reply;

constexpr Duration kFailover = 1400ms;    // down-after and the election
constexpr Duration kStart = 100ms;        // a process does not come back within the millisecond
constexpr Duration kLagMax = 10s;         // a replica further behind is not promoted
constexpr Duration kFileMax = 2s;         // of the append-only file, what a crash may take
constexpr Duration kReconfigureMax = 8s;  // until whoever can be reached follows the new master
constexpr Duration kAloneMax = 2s;        // min-replicas-max-lag

}  // namespace

Cluster::Cluster(ManualClock& clock, const Rules& rules, Visits& visits)
    : clock_(clock), rules_(rules), visits_(visits), nodes_(kNodes) {
  nodes_[0].master = true;
  BeginLog(nodes_[0]);
  for (Node& node : nodes_) {
    node.source_history = nodes_[0].history;
  }
  elected_at_ = clock.Steady();
}

void Cluster::MakeGroup(const std::string& stream, const std::string& group) {
  for (Node& node : nodes_) {
    node.store.Apply(Store::MakeGroup{stream, group});
    node.file.Apply(Store::MakeGroup{stream, group});
  }
}

std::vector<size_t> Cluster::ReplicasOf(size_t master) const {
  std::vector<size_t> replicas;
  for (size_t i = 0; i < kNodes; ++i) {
    const Node& node = nodes_[i];
    if (i != master && node.up && !node.master && node.source == master && node.linked) {
      replicas.push_back(i);
    }
  }
  return replicas;
}

size_t Cluster::ReplicasThatHave(size_t master, uint64_t offset) const {
  const auto replicas = ReplicasOf(master);
  return static_cast<size_t>(std::count_if(replicas.begin(), replicas.end(),
                                           [&](size_t replica) { return nodes_[master].reported[replica] >= offset; }));
}

void Cluster::ApplyAll(Store& store, const std::vector<Store::Change>& changes) {
  for (const Store::Change& change : changes) {
    store.Apply(change);
  }
}

void Cluster::Keep(Node& node, std::vector<Store::Change> changes) {
  node.tail.push_back({std::move(changes), clock_.Steady()});
  while (!node.tail.empty() && node.tail.front().at + kFileMax < clock_.Steady()) {
    ApplyAll(node.file, node.tail.front().changes);
    node.tail.pop_front();
  }
}

// The changes are in its store already.
void Cluster::Commit(size_t master, std::vector<Store::Change> changes) {
  if (!changes.empty()) {
    nodes_[master].log.push_back({changes, clock_.Steady()});
    Keep(nodes_[master], std::move(changes));
  }
}

Reply Cluster::RoleOf(size_t at) const {
  const Node& node = nodes_.at(at);
  if (!node.master) {
    return ArrayReply({TextReply("slave"), TextReply("10.0.0." + std::to_string(node.source)), NumberReply(6379),
                       TextReply("connected"), NumberReply(0)});
  }
  Reply replicas = ArrayReply({});
  for (const size_t replica : ReplicasOf(at)) {
    replicas.elements.push_back(ArrayReply({TextReply("10.0.0." + std::to_string(replica)), TextReply("6379"),
                                            TextReply(std::to_string(nodes_[at].reported[replica]))}));
  }
  return ArrayReply({TextReply("master"), NumberReply(static_cast<int64_t>(LogEnd(at))), std::move(replicas)});
}

// One request is executed as a whole, so of what is watched only the request itself can touch anything.
std::vector<Reply> Cluster::Execute(size_t at, const std::vector<Command>& commands) {
  const Reply ok{.type = Reply::Type::kStatus, .text = "OK"};
  std::vector<Reply> replies;
  std::optional<std::vector<Command>> queued;
  bool touched = false;
  for (const Command& command : commands) {
    if (command[0] == "WATCH") {
      touched = false;
      replies.push_back(ok);
    } else if (command[0] == "MULTI") {
      queued.emplace();
      replies.push_back(ok);
    } else if (command[0] == "EXEC") {
      Reply executed = ArrayReply({});
      for (const Command& each : *queued) {
        if (!touched) {
          executed.elements.push_back(ExecuteOne(at, each));
        }
      }
      replies.push_back(touched ? Reply() : std::move(executed));
      queued.reset();
    } else if (queued) {
      queued->push_back(command);
      replies.push_back({.type = Reply::Type::kStatus, .text = "QUEUED"});
    } else {
      const uint64_t before = LogEnd(at);
      replies.push_back(ExecuteOne(at, command));
      touched = touched || LogEnd(at) != before;
    }
  }
  return replies;
}

Reply Cluster::ExecuteOne(size_t at, const Command& command) {
  const Node& node = nodes_.at(at);
  if (command[0] == "ROLE") {
    return RoleOf(at);
  }
  if (command[0] == "WAIT") {
    // A master's answer is the caller's to give, once replicas have told.
    return node.master ? NumberReply(0) : ErrorReply("ERR WAIT cannot be used with replica instances.");
  }
  if (!node.master && Commands::Writes(command)) {
    visits_.Count(Visit::kReadOnly);
    return ErrorReply("READONLY You can't write against a read only replica.");
  }
  if (Commands::Writes(command) && ReplicasOf(at).empty() && node.alone_since + kAloneMax < clock_.Steady()) {
    visits_.Count(Visit::kNoReplicas);
    return ErrorReply("NOREPLICAS Not enough good replicas to write.");
  }
  std::vector<Store::Change> changes;
  Commands run(node.store, clock_.Now(), at, rules_, visits_, [&](Store::Change change) {
    nodes_[at].store.Apply(change);
    changes.push_back(std::move(change));
  });
  Reply reply = run.Run(command);
  if (at != elected_ && !changes.empty()) {
    visits_.Count(Visit::kSplitBrain);
    nodes_[at].diverged = true;
  }
  Commit(at, std::move(changes));
  return reply;
}

void Cluster::ApplyNext(size_t replica) {
  Node& node = nodes_[replica];
  const std::vector<Store::Change> changes = nodes_[node.source].log[node.applied].changes;
  ApplyAll(node.store, changes);
  Keep(node, changes);
  ++node.applied;
}

void Cluster::Replicate(Choices& choices) {
  const size_t replica = choices.Below(kNodes);
  Node& node = nodes_[replica];
  if (!node.up || node.master || !node.linked) {
    return;
  }
  for (uint64_t most = 1 + choices.Below(60); most > 0 && node.applied < LogEnd(node.source); --most) {
    ApplyNext(replica);
  }
}

void Cluster::Report(Choices& choices) {
  const size_t replica = choices.Below(kNodes);
  const Node& node = nodes_[replica];
  if (node.up && !node.master && node.linked) {
    nodes_[node.source].reported[replica] = node.applied;
  }
}

// A full resynchronisation: what only the replica had is gone.
void Cluster::Follow(size_t replica, size_t master) {
  Node& node = nodes_[replica];
  if (std::exchange(node.diverged, false)) {
    visits_.Count(Visit::kDivergedDropped);
  }
  node.master = false;
  node.source = master;
  node.linked = true;
  BeginLog(node);
  node.source_history = nodes_[master].history;
  node.store = nodes_[master].store;
  node.file = node.store;
  node.tail.clear();
  node.applied = LogEnd(master);
  nodes_[master].reported[replica] = 0;
  broken_.push_back(replica);
}

void Cluster::BeginLog(Node& node) {
  node.log.clear();
  node.history = ++histories_;
  node.reported = {};
}

void Cluster::UpdateLinks() {
  for (size_t i = 0; i < kNodes; ++i) {
    Node& node = nodes_[i];
    if (node.up && !node.master) {
      const bool possible = nodes_[node.source].up && nodes_[node.source].master && MayTalk(i, node.source);
      if (possible && node.source_history != nodes_[node.source].history) {
        Follow(i, node.source);  // its source was set back
      }
      node.linked = possible;
    }
  }
  for (size_t i = 0; i < kNodes; ++i) {
    if (!ReplicasOf(i).empty()) {
      nodes_[i].alone_since = clock_.Steady();
    }
  }
}

void Cluster::Kill(Choices& choices) {
  const size_t at = choices.OneIn(2) ? elected_ : choices.Below(kNodes);
  if (nodes_[at].up) {
    nodes_[at].up = false;
    broken_.push_back(at);
    UpdateLinks();
  }
}

// The supervisor starts a node only after the sentinels have decided; so it comes back as a replica, unless it is still
// the one they name and nobody could be elected.
void Cluster::Start(Choices& choices) {
  const size_t at = choices.Below(kNodes);
  Node& node = nodes_[at];
  if (node.up || (at != elected_ && !(nodes_[elected_].up && MayTalk(at, elected_)))) {
    return;
  }
  node.up = true;
  if (at != elected_) {
    Follow(at, elected_);
    return;
  }
  clock_.Advance(kStart);
  // As it was, but for what its file had not yet.
  if (!node.tail.empty()) {
    visits_.Count(Visit::kFileCutShort);
  }
  for (uint64_t kept = choices.Below(node.tail.size() + 1); kept > 0; --kept) {
    ApplyAll(node.file, node.tail.front().changes);
    node.tail.pop_front();
  }
  node.tail.clear();
  node.store = node.file;
  node.master = true;
  BeginLog(node);
  UpdateLinks();
}

void Cluster::KillAll(Choices& choices) {
  for (size_t i = 0; i < kNodes; ++i) {
    if (nodes_[i].up) {
      nodes_[i].up = false;
      broken_.push_back(i);
    }
  }
  // Whoever was named master is first, so that it is master when the others come.
  while (!nodes_[elected_].up) {
    Start(choices);
  }
}

void Cluster::Isolate(Choices& choices) {
  if (!isolated_) {
    isolated_ = choices.OneIn(2) ? elected_ : choices.Below(kNodes);
    UpdateLinks();
  }
}

std::optional<SteadyTime> Cluster::LacksSince(size_t replica) const {
  const Node& node = nodes_[replica];
  const Node& source = nodes_[node.source];
  return node.applied < source.log.size() ? std::optional(source.log[node.applied].at) : std::nullopt;
}

bool Cluster::IsCandidate(size_t at) const {
  const Node& node = nodes_[at];
  if (at == elected_ || !node.up || node.master || node.source != elected_ || (isolated_ && *isolated_ == at) ||
      node.source_history != nodes_[elected_].history) {
    return false;
  }
  const auto lacks = LacksSince(at);
  return !lacks || *lacks + kLagMax > clock_.Steady();
}

void Cluster::Promote(Choices& choices) {
  const bool away = !nodes_[elected_].up || (isolated_ && *isolated_ == elected_);
  std::vector<size_t> candidates;
  for (size_t i = 0; i < kNodes; ++i) {
    if (IsCandidate(i)) {
      candidates.push_back(i);
    }
  }
  // Without a failure only as an operator does it: seldom.
  if (candidates.empty() || (!away && !choices.OneIn(8))) {
    return;
  }
  const size_t chosen = candidates[choices.Below(candidates.size())];
  clock_.Advance(kFailover);
  if (LacksSince(chosen)) {
    visits_.Count(Visit::kLaggingPromoted);
    nodes_[elected_].diverged = true;
  }
  Node& node = nodes_[chosen];
  node.master = true;
  BeginLog(node);
  node.alone_since = clock_.Steady();
  election_ = {chosen, elected_, clock_.Steady()};
  elected_ = chosen;
  elected_at_ = clock_.Steady();
  broken_.push_back(chosen);
  // A majority knows, and the third sentinel learns later; or none has seen the promotion yet.
  const bool unseen = choices.OneIn(2);
  const size_t late = isolated_ ? *isolated_ : choices.Below(kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    if (!unseen && i != late) {
      views_[i] = chosen;
    }
  }
  UpdateLinks();
}

// A leader that does not see the promotion in time gives its failover up, and the chosen one is told to follow the
// deposed, if that lives.
bool Cluster::GivesUp(Choices& choices) {
  const bool seen = std::count(views_.begin(), views_.end(), elected_) > 0;
  if (!election_ || election_->chosen != elected_ || seen || elected_at_ + kLagMax < clock_.Steady()) {
    return false;
  }
  const Node& deposed = nodes_[election_->deposed];
  const bool reached = deposed.up && (!isolated_ || *isolated_ != election_->deposed);
  if (!reached || !deposed.master || !choices.OneIn(4)) {
    return false;
  }
  visits_.Count(Visit::kFailoverGivenUp);
  nodes_[elected_].diverged = true;
  elected_ = election_->deposed;
  elected_at_ = clock_.Steady();
  election_.reset();
  return true;
}

void Cluster::Reconfigure(Choices& choices) {
  if (GivesUp(choices)) {
    return;
  }
  const size_t at = choices.Below(kNodes);
  if (!MayTalk(at, elected_)) {
    return;
  }
  views_[at] = elected_;
  Node& node = nodes_[at];
  if (node.up && nodes_[elected_].up && at != elected_ && (node.master || node.source != elected_)) {
    Follow(at, elected_);
  }
  UpdateLinks();
}

void Cluster::PassTime() {
  if (elected_at_ + kReconfigureMax < clock_.Steady() && nodes_[elected_].up) {
    for (size_t i = 0; i < kNodes; ++i) {
      if (MayTalk(i, elected_)) {
        views_[i] = elected_;
        if (nodes_[i].up && i != elected_ && (nodes_[i].master || nodes_[i].source != elected_)) {
          Follow(i, elected_);
        }
      }
    }
  }
  UpdateLinks();
}

void Cluster::SetQuota(Choices& choices) {
  const size_t at = elected_;
  const auto streams = nodes_[at].store.streams();
  if (!nodes_[at].up || streams.empty()) {
    return;
  }
  const std::string& stream = std::next(streams.begin(), static_cast<long>(choices.Below(streams.size())))->first;
  const std::string producers = "quantum:producers:" + stream.substr(stream.find('{'));
  const auto change = choices.OneIn(2) ? Store::Change(Store::Set{producers, "!quota", "the stream is over its quota"})
                                       : Store::Change(Store::Unset{producers, "!quota"});
  nodes_[at].store.Apply(change);
  Commit(at, {change});
}

void Cluster::Trim() {
  if (!nodes_[elected_].up) {
    return;
  }
  std::vector<Store::Change> changes;
  for (const auto& [key, stream] : nodes_[elected_].store.streams()) {
    std::vector<bus::GroupPosition> positions;
    for (const auto& [name, group] : stream.groups) {
      positions.push_back(
          {group.last_delivered, group.pending.empty() ? std::nullopt : std::optional(group.pending.begin()->first)});
    }
    const auto below = bus::TrimBelow(positions, clock_.Now(), Duration(0));
    if (!positions.empty() && below && !stream.entries.empty() && stream.entries.front().id < *below) {
      visits_.Count(Visit::kTrimmed);
      changes.push_back(Store::Trim{key, *below});
    }
  }
  ApplyAll(nodes_[elected_].store, changes);
  Commit(elected_, std::move(changes));
}

void Cluster::HealAll() {
  Heal();
  Choices choices(0);
  while (!nodes_[elected_].up) {
    Start(choices);
  }
  for (size_t i = 0; i < kNodes; ++i) {
    views_[i] = elected_;
    if (i != elected_ && (!nodes_[i].up || nodes_[i].master || nodes_[i].source != elected_)) {
      nodes_[i].up = true;
      Follow(i, elected_);
    }
  }
  std::vector<Store::Change> changes;
  for (const auto& [key, stream] : nodes_[elected_].store.streams()) {
    changes.emplace_back(Store::Unset{"quantum:producers:" + key.substr(key.find('{')), "!quota"});
  }
  ApplyAll(nodes_[elected_].store, changes);
  Commit(elected_, std::move(changes));
  UpdateLinks();
}

void Cluster::Settle() {
  for (size_t i = 0; i < kNodes; ++i) {
    while (i != elected_ && nodes_[i].applied < LogEnd(elected_)) {
      ApplyNext(i);
    }
    nodes_[elected_].reported[i] = nodes_[i].applied;
  }
}

}  // namespace quantum::simulation
