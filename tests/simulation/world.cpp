#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "platform/base/assert.h"
#include "platform/bus/codec.h"

namespace quantum::simulation {

namespace {

using namespace std::chrono_literals;

constexpr size_t kRestStepsMax = 20'000;

void RegisterTypes() {
  bus::RegisterEventType({.name = "order.placed", .money = true});
  bus::RegisterEventType({.name = "risk.approved", .money = true});
}

std::shared_ptr<Disk> CopyOf(const Disk& disk) {
  auto copy = std::make_shared<Disk>(disk);
  copy->earlier.push_back(std::exchange(copy->line, {}));
  copy->at_risk.clear();
  return copy;
}

}  // namespace

struct World::Slot {
  std::string name;
  std::vector<std::unique_ptr<Publisher>> processes;
  std::vector<std::shared_ptr<Disk>> parked;  // of processes that were fenced off
  std::shared_ptr<Disk> copy;
  std::shared_ptr<Disk> copied_from;
};

World::World(Rules rules) : rules_(rules), cluster_(clock_, rules_, visits_), network_(cluster_, clock_, visits_) {
  RegisterTypes();
  for (const char* name : {"alpha", "beta"}) {
    Slot& slot = *slots_.emplace_back(std::make_unique<Slot>());
    slot.name = name;
    StartPublisher(slot, std::make_shared<Disk>(), false);
  }
  readers_.push_back({.group = Audit::kLedger, .inbox = {}, .has_inbox = true, .process = nullptr});
  readers_.push_back({.group = Audit::kPlain, .inbox = {}, .has_inbox = false, .process = nullptr});
  for (Reader& reader : readers_) {
    for (const std::string& family : Families()) {
      cluster_.MakeGroup(bus::StreamKey(family), bus::GroupName(reader.group));
    }
    StartSubscriber(reader);
  }
}

World::~World() = default;

void World::StartPublisher(Slot& slot, std::shared_ptr<Disk> disk, bool twin) {
  if (disk->line.empty()) {
    disk->line = fmt::format("{}-{}", slot.name, ++lines_);
  }
  ++starts_;  // decides between twins
  const bool with_isolated = twin || starts_ % 4 == 0;
  slot.processes.push_back(std::make_unique<Publisher>(slot.name, std::move(disk), starts_, rules_, clock_, network_,
                                                       cluster_, audit_, visits_, with_isolated));
}

void World::StartSubscriber(Reader& reader) {
  reader.process = std::make_unique<Subscriber>(reader.group, reader.has_inbox ? &reader.inbox : nullptr, ++starts_,
                                                rules_, clock_, network_, cluster_, audit_, visits_);
}

void World::Take(const Step& step) {
  Choices choices(step.choice);
  switch (step.kind) {
    case Kind::kPublish:
    case Kind::kDisk:
    case Kind::kSend:
    case Kind::kFreezeProducer:
    case Kind::kKillProducer:
    case Kind::kCopyDisk:
    case Kind::kRestoreDisk:
    case Kind::kTwin:
      Produce(step.kind, choices);
      break;
    case Kind::kFetch:
    case Kind::kHandle:
    case Kind::kAcknowledge:
    case Kind::kKillConsumer:
      Consume(step.kind, choices);
      break;
    case Kind::kDeliver:
      network_.Deliver(choices);
      break;
    case Kind::kLose:
      network_.Lose(choices);
      break;
    case Kind::kRepeat:
      network_.Repeat(choices);
      break;
    case Kind::kGiveUpWait:
      network_.GiveUpWait();
      break;
    case Kind::kTime:
      clock_.Advance(std::chrono::milliseconds(1 + choices.Below(choices.OneIn(20) ? 8000 : 60)));
      cluster_.PassTime();
      break;
    default:
      Break(step.kind, choices);
      break;
  }
  network_.BreakConnectionsOf(cluster_.TakeBroken());
  CheckBounds();
}

void World::Break(Kind kind, Choices& choices) {
  switch (kind) {
    case Kind::kReplicate:
      return cluster_.Replicate(choices);
    case Kind::kReport:
      return cluster_.Report(choices);
    case Kind::kKillNode:
      return cluster_.Kill(choices);
    case Kind::kStartNode:
      return cluster_.Start(choices);
    case Kind::kKillAll:
      return cluster_.KillAll(choices);
    case Kind::kIsolate:
      return cluster_.Isolate(choices);
    case Kind::kHeal:
      return cluster_.Heal();
    case Kind::kPromote:
      return cluster_.Promote(choices);
    case Kind::kReconfigure:
      return cluster_.Reconfigure(choices);
    case Kind::kQuota:
      return cluster_.SetQuota(choices);
    case Kind::kTrim:
      return cluster_.Trim();
    default:
      QUANTUM_ASSERT(false);
  }
}

void World::Produce(Kind kind, Choices& choices) {
  Slot& slot = *slots_[choices.Below(slots_.size())];
  const size_t at = choices.Below(slot.processes.size());
  Publisher& publisher = *slot.processes[at];
  switch (kind) {
    case Kind::kPublish:
      return publisher.Publish(choices);
    case Kind::kDisk:
      return publisher.WriteDisk(choices, true);
    case Kind::kSend:
      publisher.Send(choices);
      return EndFenced(slot);
    case Kind::kFreezeProducer:
      return publisher.Freeze(std::chrono::seconds(25 + choices.Below(25)));
    case Kind::kKillProducer: {
      const auto disk = publisher.disk();
      publisher.line().Drop(choices.OneIn(2));
      if (choices.OneIn(3)) {
        visits_.Count(Visit::kPowerLost);
        disk->storage.LosePower(choices.random());
      }
      slot.processes.erase(slot.processes.begin() + static_cast<long>(at));
      return StartPublisher(slot, disk, false);
    }
    case Kind::kCopyDisk:
      return CopyDisk(slot, publisher);
    case Kind::kRestoreDisk:
      return RestoreDisk(slot, at);
    default:
      break;
  }
  if (slot.processes.size() < 2 && rules_.journal) {
    const auto copy = CopyOf(*publisher.disk());
    for (const std::string& line : copy->earlier) {
      audit_.Copied(line);
    }
    StartPublisher(slot, copy, true);
  }
}

void World::CopyDisk(Slot& slot, Publisher& publisher) {
  publisher.disk()->at_risk = publisher.Unacknowledged();
  slot.copied_from = publisher.disk();
  slot.copy = CopyOf(*publisher.disk());
}

// What the copy does not hold is lost with the disk.
void World::RestoreDisk(Slot& slot, size_t at) {
  if (!slot.copy || slot.processes[at]->disk() != slot.copied_from) {
    return;
  }
  for (const uint64_t operation : slot.copied_from->at_risk) {
    audit_.DiskLost(operation);
  }
  slot.processes[at]->line().Drop(true);
  slot.processes.erase(slot.processes.begin() + static_cast<long>(at));
  StartPublisher(slot, std::exchange(slot.copy, nullptr), false);
  slot.copied_from.reset();
}

// A fenced process ends, and its disk waits for the next life there.
void World::EndFenced(Slot& slot) {
  for (auto& process : slot.processes) {
    if (process->fenced() && slot.processes.size() > 1) {
      slot.parked.push_back(process->disk());
      process.reset();
    }
  }
  std::erase(slot.processes, nullptr);
}

void World::Consume(Kind kind, Choices& choices) {
  Reader& reader = readers_[choices.Below(readers_.size())];
  switch (kind) {
    case Kind::kFetch:
      return reader.process->Fetch(choices);
    case Kind::kHandle:
      return reader.process->Handle(choices, true);
    case Kind::kAcknowledge:
      return reader.process->Acknowledge(choices);
    default:
      reader.process->reading().Drop(choices.OneIn(2));
      reader.process->acknowledging().Drop(choices.OneIn(2));
      return StartSubscriber(reader);
  }
}

void World::CheckBounds() {
  for (const auto& slot : slots_) {
    for (const auto& process : slot->processes) {
      if (process->pending() > Publisher::kEventsMax) {
        trouble_ = "an outbox outgrew its bound";
      }
    }
  }
  for (const Reader& reader : readers_) {
    if (reader.process->queued() >
        Subscriber::kFetchedMax + Families().size() * Subscriber::kFetch * Publisher::kInOneEntryMax) {
      trouble_ = "a consumer's queue outgrew its bound";
    }
  }
}

std::string World::WhatWaits() const {
  for (const auto& slot : slots_) {
    for (const auto& process : slot->processes) {
      if (!process->done()) {
        return fmt::format("{} events of {} wait in its outbox, or for its disk", process->pending(), slot->name);
      }
    }
  }
  const Store& store = cluster_.node(cluster_.elected()).store;
  for (const Reader& reader : readers_) {
    if (!reader.process->idle()) {
      return fmt::format("{} events wait in {}, or their acknowledgements", reader.process->queued(), reader.group);
    }
    for (const std::string& family : Families()) {
      const Store::Stream* const stream = store.FindStream(bus::StreamKey(family));
      const std::string name = bus::GroupName(reader.group);
      if (stream == nullptr || !stream->groups.contains(name)) {
        return fmt::format("{} has no group at stream {}", reader.group, family);
      }
      const Store::Group& group = stream->groups.at(name);
      if (group.last_delivered < stream->last || !group.pending.empty()) {
        return fmt::format("{} does not read stream {} to its end ({} of {}, {} pending)", reader.group, family,
                           group.last_delivered.ToString(), stream->last.ToString(), group.pending.size());
      }
    }
  }
  return {};
}

bool World::Rest() {
  for (size_t step = 0; step < kRestStepsMax; ++step) {
    Choices choices(static_cast<uint32_t>(step));
    for (const auto& slot : slots_) {
      for (const auto& process : slot->processes) {
        process->WriteDisk(choices, false);
        process->Send(choices);
      }
      EndFenced(*slot);
    }
    for (Reader& reader : readers_) {
      reader.process->Fetch(choices);
      for (int i = 0; i < 4; ++i) {
        reader.process->Handle(choices, false);
      }
      reader.process->Acknowledge(choices);
    }
    network_.DeliverAll();
    cluster_.Settle();
    clock_.Advance(20ms);
    if (WhatWaits().empty()) {
      return true;
    }
  }
  return false;
}

World::Outcome World::Finish() {
  cluster_.HealAll();
  network_.BreakConnectionsOf(cluster_.TakeBroken());
  for (const auto& slot : slots_) {
    for (const auto& process : slot->processes) {
      process->Thaw();
    }
  }
  bool rests = Rest();
  // What waits on the disks of processes that were fenced off goes with the next life there.
  for (const auto& slot : slots_) {
    while (rests && !slot->parked.empty()) {
      for (const auto& process : slot->processes) {
        process->line().Drop(false);
      }
      slot->processes.clear();
      StartPublisher(*slot, slot->parked.back(), false);
      slot->parked.pop_back();
      rests = Rest();
    }
  }
  if (!rests && trouble_.empty()) {
    trouble_ = "does not come to rest: " + WhatWaits();
  }
  Collect();
  const auto& verdict = audit_.Close();
  return {verdict, trouble_, audit_.Examples()};
}

void World::Collect() {
  const auto value = [](const Store::Entry& entry, const char* name) -> const std::string& {
    const auto found = std::find(entry.fields->begin(), entry.fields->end(), name);
    return *std::next(found);
  };
  for (const auto& [key, stream] : cluster_.node(cluster_.elected()).store.streams()) {
    for (const Store::Entry& entry : stream.entries) {
      if (key.starts_with("quantum:dlq:")) {
        audit_.DeadLetter(value(entry, "group").substr(std::string("quantum:group:").size()),
                          std::stoull(value(entry, "payload")));
        continue;
      }
      const auto events = bus::ParseEntry(FieldsReply(entry));
      QUANTUM_ASSERT(events.ok());
      for (const bus::Event& event : *events) {
        audit_.Stored(std::stoull(event.payload));
      }
    }
  }
}

}  // namespace quantum::simulation
