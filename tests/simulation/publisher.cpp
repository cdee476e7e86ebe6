#include "tests/simulation/publisher.h"

#include <fmt/format.h>

#include "platform/base/assert.h"

namespace quantum::simulation {

namespace {

using bus::journal::Journal;
using redis::Command;
using redis::Reply;

constexpr size_t kBatchMax = 8;
constexpr bus::BundleLimits kBundles{.from = 3, .events = Publisher::kInOneEntryMax, .bytes = 1000};

std::unique_ptr<Journal> OpenJournal(Disk& disk, const std::string& name, const std::string& incarnation,
                                     const ManualClock& clock) {
  auto opened =
      Journal::Open(disk.storage, {.producer = name, .events_max = Publisher::kEventsMax, .segment_bytes = 2000},
                    incarnation, clock.Steady(), clock.Now());
  QUANTUM_ASSERT(opened.ok());
  return std::move(*opened);
}

}  // namespace

Publisher::Publisher(std::string name, std::shared_ptr<Disk> disk, uint64_t start, const Rules& rules,
                     ManualClock& clock, Network& network, const Cluster& cluster, Audit& audit, Visits& visits,
                     bool with_isolated)
    : name_(std::move(name)),
      disk_(std::move(disk)),
      rules_(rules),
      clock_(clock),
      audit_(audit),
      visits_(visits),
      incarnation_(fmt::format("life{:04}", start)),
      session_(fmt::format("{:020}-{}", start, incarnation_)),
      journal_(rules.journal ? OpenJournal(*disk_, name_, incarnation_, clock) : nullptr),
      memory_(rules.journal ? nullptr : std::make_unique<bus::MemoryOutbox>(name_, incarnation_, kEventsMax)),
      outbox_(journal_ ? static_cast<bus::Outbox*>(journal_.get()) : memory_.get()),
      core_(*outbox_, kBatchMax),
      line_(network, cluster, clock, visits, with_isolated) {}

void Publisher::Publish(Choices& choices) {
  static constexpr const char* kTypes[] = {"order.placed", "risk.approved"};
  static constexpr const char* kKeys[] = {"BTC", "ETH", "SOL"};
  if (fenced_ || frozen()) {
    return;
  }
  const std::string type = kTypes[choices.Below(std::size(kTypes))];
  const std::string key = bus::FamilyOf(type) + "/" + kKeys[choices.Below(std::size(kKeys))];
  const uint64_t operation = audit_.Publish(disk_->line, bus::FamilyOf(type), key);
  const auto ticket = outbox_->Append({.id = fmt::format("event-{}", operation),
                                       .type = type,
                                       .source = name_,
                                       .key = key,
                                       .timestamp_ns = ToUnixNs(clock_.Now()),
                                       .payload = std::to_string(operation)});
  if (!ticket) {
    visits_.Count(Visit::kRefusedPublish);
    audit_.Refused(operation);
    return;
  }
  disk_->at_risk.push_back(operation);
  waiting_[ticket->lane][ticket->sequence] = operation;
}

void Publisher::WriteDisk(Choices& choices, bool faults) {
  if (!journal_ || frozen()) {
    return;
  }
  if (!job_) {
    job_ = journal_->Next(clock_.Steady(), clock_.Now());
    if (job_ && !job_->remove.empty()) {
      visits_.Count(Visit::kSegmentRemoved);
    }
  } else if (!outcome_) {
    const bool full = faults && choices.OneIn(60);
    const bool sync_fails = faults && choices.OneIn(60);
    disk_->storage.set_full(full);
    disk_->storage.set_sync_fails(sync_fails);
    outcome_ = CarryOut(*job_, disk_->storage);
    if (full && !outcome_->written) {
      visits_.Count(Visit::kDiskFull);
    }
    if (sync_fails && !outcome_->synced) {
      visits_.Count(Visit::kSyncFailed);
    }
  } else {
    journal_->Finish(*outcome_);
    job_.reset();
    outcome_.reset();
    Acknowledge();
  }
}

// Publish returns for what is safe: on disk; without a journal, with the broker.
void Publisher::Acknowledge() {
  for (auto& [lane, operations] : waiting_) {
    const uint64_t safe = journal_ ? journal_->durable(lane) : outbox_->confirmed(lane);
    while (!operations.empty() && operations.begin()->first <= safe) {
      audit_.Ok(operations.begin()->second);
      operations.erase(operations.begin());
    }
  }
}

void Publisher::Send(Choices& choices) {
  if (fenced_ || frozen()) {
    return;
  }
  line_.Advance(choices);
  if (!line_.connected()) {
    asked_ = Asked::kNothing;
    return;
  }
  if (const auto replies = line_.Take(); replies && asked_ != Asked::kNothing) {
    OnAnswer(*replies);
  } else if (line_.idle()) {
    AskForMore();
  }
}

void Publisher::AskForMore() {
  commands_.clear();
  if (line_.epoch() != resumed_epoch_) {
    asked_ = Asked::kLast;
    for (const bus::Lane& lane : core_.Lanes()) {
      commands_.push_back(bus::LastCommand(lane));
    }
    if (commands_.empty()) {
      return OnAnswer({});
    }
  } else {
    CollectCommands();
  }
  if (!commands_.empty()) {
    line_.Ask(commands_);
  }
}

void Publisher::CollectCommands() {
  sendings_ = core_.Collect(clock_.Steady());
  for (const auto& sending : sendings_) {
    if (sending.batch.lane.incarnation != incarnation_) {
      visits_.Count(Visit::kEarlierLifeSent);
    }
    commands_.push_back(bus::AppendCommand(sending.batch, session_, kBundles));
  }
  if (HoldsBack()) {
    visits_.Count(Visit::kHeldBack);
  }
  asked_ = Asked::kAppend;
  if (sendings_.empty() && outbox_->retained() > 0) {
    asked_ = Asked::kRole;
    commands_.push_back({"ROLE"});
  } else if (!sendings_.empty() && rules_.wait) {
    commands_.push_back({"WAIT", "1", "1000"});
  }
}

// Whether something of this life waits for what an earlier one left in its stream.
bool Publisher::HoldsBack() const {
  for (const auto& sending : sendings_) {
    for (size_t lane = sending.lane + 1; lane < outbox_->lanes(); ++lane) {
      if (outbox_->lane(lane).family == sending.batch.lane.family && outbox_->confirmed(lane) < outbox_->last(lane)) {
        return true;
      }
    }
  }
  return false;
}

std::vector<uint64_t> Publisher::Unacknowledged() const {
  std::vector<uint64_t> all;
  for (const auto& [lane, operations] : waiting_) {
    for (const auto& [sequence, operation] : operations) {
      all.push_back(operation);
    }
  }
  return all;
}

void Publisher::OnAnswer(const std::vector<Reply>& replies) {
  switch (std::exchange(asked_, Asked::kNothing)) {
    case Asked::kLast: {
      const auto held = bus::ReadLast(commands_, replies);
      if (!held) {
        return line_.Drop(false);
      }
      const SteadyTime asked = commands_.empty() ? clock_.Steady() : line_.asked();
      for (size_t i = core_.OnConnected(*held, asked).size(); i > 0; --i) {
        visits_.Count(Visit::kSetback);
      }
      resumed_epoch_ = line_.epoch();
      return;
    }
    case Asked::kAppend:
      return OnAppended(replies);
    case Asked::kRole: {
      const auto role = redis::ParseRole(replies.front());
      if (role && role->master) {
        core_.OnProof(line_.asked());
      } else {
        line_.Drop(false);
      }
      return;
    }
    case Asked::kNothing:
      return;
  }
}

void Publisher::OnAppended(const std::vector<Reply>& replies) {
  const auto answers = bus::ReadAnswers(commands_, replies, rules_.wait ? 1 : 0);
  if (!answers) {
    return;
  }
  for (size_t i = 0; i < sendings_.size(); ++i) {
    if ((*answers)[i].taken) {
      core_.OnTaken(sendings_[i], (*answers)[i].last, clock_.Steady());
    } else if ((*answers)[i].taken.error().code == Errc::kConflict) {
      fenced_ = true;
      return line_.Drop(false);
    } else {
      core_.OnRefused(sendings_[i], clock_.Steady());
    }
  }
  core_.OnProof(line_.asked());
  Acknowledge();
}

}  // namespace quantum::simulation
