#include "tests/simulation/subscriber.h"

#include <algorithm>
#include <utility>

#include "platform/base/assert.h"
#include "platform/bus/codec.h"

namespace quantum::simulation {

namespace {

using bus::KeyScheduler;
using bus::Together;
using bus::Verdict;
using redis::Command;
using redis::Reply;

constexpr size_t kRunningMax = 4;
constexpr Duration kLookAgain = std::chrono::seconds(5);
constexpr const char* kConsumer = "consumer";

std::string StreamOf(const bus::Delivery& delivery) { return bus::StreamKey(bus::FamilyOf(delivery.event.type)); }

}  // namespace

std::vector<std::string> Families() { return {"order", "risk"}; }

Subscriber::Subscriber(std::string group, Inbox* inbox, uint64_t life, const Rules& rules, ManualClock& clock,
                       Network& network, const Cluster& cluster, Audit& audit, Visits& visits)
    : group_(std::move(group)),
      key_of_group_(bus::GroupName(group_)),
      inbox_(inbox),
      life_(life),
      together_(inbox == nullptr ? Together::kNone : (life % 2 == 0 ? Together::kOfKey : Together::kOfStream)),
      rules_(rules),
      clock_(clock),
      audit_(audit),
      visits_(visits),
      reading_(network, cluster, clock, visits, false),
      acknowledging_(network, cluster, clock, visits, false),
      scheduler_(kRunningMax) {
  reading_.set_via(&acknowledging_);
}

void Subscriber::Fetch(Choices& choices) {
  reading_.Advance(choices);
  if (!reading_.connected()) {
    reading_asked_ = false;
    return;
  }
  if (reading_.epoch() != reading_epoch_) {
    reading_epoch_ = reading_.epoch();
    reading_asked_ = false;
    reads_ = Reads::kGroups;
  }
  if (const auto replies = reading_.Take()) {
    if (std::exchange(reading_asked_, false)) {
      OnFetched(*replies);
    }
    return;
  }
  if (!reading_.idle()) {
    return;
  }
  std::vector<Command> commands;
  if (rules_.rereads && reads_ == Reads::kNew && read_pending_at_ + kLookAgain < clock_.Steady()) {
    reads_ = Reads::kPending;
    family_ = 0;
    after_ = "0";
  }
  if (reads_ == Reads::kGroups) {
    for (const std::string& family : Families()) {
      commands.push_back({"XGROUP", "CREATE", bus::StreamKey(family), key_of_group_, "0", "MKSTREAM"});
    }
  } else if (scheduler_.queued() >= kFetchedMax) {
    return;
  } else if (reads_ == Reads::kPending) {
    commands = Reading({bus::StreamKey(Families()[family_])}, after_);
  } else {
    commands = Reading({bus::StreamKey("order"), bus::StreamKey("risk")}, ">");
  }
  reading_.Ask(commands);
  reading_asked_ = true;
}

// The lease's token is the life: a later one takes over. One lease stands for those of all streams.
std::vector<Command> Subscriber::Reading(const std::vector<std::string>& streams, const std::string& after) const {
  const std::string lease = bus::LeaseKey("order", group_);
  Command read{"XREADGROUP", "GROUP", key_of_group_, kConsumer, "COUNT", std::to_string(kFetch), "STREAMS"};
  read.insert(read.end(), streams.begin(), streams.end());
  read.insert(read.end(), streams.size(), after);
  return {{"WATCH", lease},
          {"FCALL", "quantum_bus_4_guard", "1", lease, group_, std::to_string(life_), std::to_string(reading_epoch_)},
          {"MULTI"},
          std::move(read),
          {"EXEC"}};
}

void Subscriber::OnFetched(const std::vector<Reply>& replies) {
  const bool failed = std::any_of(replies.begin(), replies.end(), [](const Reply& reply) {
    return reply.is_error() && !reply.text.starts_with("BUSYGROUP");
  });
  if (failed) {
    return reading_.Drop(false);
  }
  if (reads_ != Reads::kGroups && replies.back().elements.empty()) {
    return;  // the first over this connection: once more
  }
  const Reply& reply = reads_ == Reads::kGroups ? replies.back() : replies.back().elements.front();
  if (reply.is_error() && reads_ != Reads::kGroups) {
    return reading_.Drop(false);
  }
  switch (reads_) {
    case Reads::kGroups:
      reads_ = Reads::kPending;
      family_ = 0;
      after_ = "0";
      return;
    case Reads::kPending: {
      const bool none = reply.elements.empty() || reply.elements[0].elements[1].elements.empty();
      if (!none) {
        visits_.Count(Visit::kFetchedAgain);
        const Reply& entries = reply.elements[0].elements[1];
        after_ = entries.elements.back().elements[0].text;
        Take(reply.elements[0].elements[0].text, entries);
      } else if (++family_ == Families().size()) {
        reads_ = Reads::kNew;
        read_pending_at_ = clock_.Steady();
      } else {
        after_ = "0";
      }
      return;
    }
    case Reads::kNew:
      for (const Reply& stream : reply.elements) {
        Take(stream.elements[0].text, stream.elements[1]);
      }
  }
}

void Subscriber::Take(const std::string& stream, const Reply& entries) {
  bus::InHand& hand = in_hand_[stream];
  for (const Reply& entry : entries.elements) {
    const std::string& id = entry.elements[0].text;
    auto events = bus::ParseEntry(entry.elements[1]);
    const std::string first = events ? NameOf(events->front()) : std::string();
    if (!hand.Take(id, first, events ? events->size() : 1)) {
      continue;
    }
    if (entry.elements[1].elements.empty()) {
      hand.End(id, first);
      continue;
    }
    QUANTUM_ASSERT(events.ok());
    for (bus::Event& event : *events) {
      bus::Delivery delivery;
      delivery.family = stream;
      delivery.entry = id;
      delivery.first = first;
      delivery.event = std::move(event);
      delivery.joins = together_;
      scheduler_.Push(std::move(delivery));
    }
  }
}

void Subscriber::Handle(Choices& choices, bool failures) {
  if (!running_.empty() && choices.OneIn(2)) {
    const size_t at = choices.Below(running_.size());
    std::swap(running_[at], running_.back());
    const KeyScheduler::Job job = std::move(running_.back());
    running_.pop_back();
    End(job, choices, failures);
  } else if (auto job = scheduler_.Next(clock_.Steady())) {
    running_.push_back(std::move(*job));
  }
}

bool Subscriber::Seen(const bus::Delivery& delivery) {
  return rules_.seen && seen_[StreamOf(delivery)].Contains(LaneOf(delivery.event), delivery.event.sequence);
}

void Subscriber::End(const KeyScheduler::Job& job, Choices& choices, bool failures) {
  std::vector<const bus::Delivery*> together = job.deliveries;
  while (together.size() > 1) {
    std::optional<size_t> culprit;
    if (const auto repeat = std::ranges::find_if(together, [&](const bus::Delivery* each) { return Seen(*each); });
        repeat != together.end()) {
      culprit = static_cast<size_t>(repeat - together.begin());
    } else if (!failures || !choices.OneIn(10)) {
      break;
    } else if (choices.OneIn(2)) {
      culprit = choices.Below(together.size());
    }
    visits_.Count(Visit::kParted);
    together.resize(scheduler_.Part(job.line, culprit));
  }
  if (together.size() == 1) {
    EndOne(job, choices, failures);
    return;
  }
  visits_.Count(Visit::kTogether);
  for (const bus::Delivery* delivery : together) {
    const uint64_t operation = std::stoull(delivery->event.payload);
    audit_.Delivered(group_, operation);
    Effect(*delivery, operation);
    Done(*delivery);
  }
  scheduler_.Finish(job.line);
}

void Subscriber::EndOne(const KeyScheduler::Job& job, Choices& choices, bool failures) {
  const bus::Delivery& delivery = *job.deliveries.front();
  const uint64_t operation = std::stoull(delivery.event.payload);
  const std::string key = delivery.event.key;  // the delivery moves when it is to be tried again
  if (job.attempt > 1 && failed_in_[key] != job.line) {
    visits_.Count(Visit::kSeparated);
  }
  Verdict verdict = Verdict::kDone;
  if (Seen(delivery)) {
    visits_.Count(Visit::kDuplicateDropped);
  } else {
    audit_.Delivered(group_, operation);
    if (failures && choices.OneIn(40)) {
      verdict = choices.OneIn(10) ? Verdict::kPoisoned : (choices.OneIn(4) ? Verdict::kAway : Verdict::kFailed);
    } else if (failures && job.attempt > 1 && choices.OneIn(2)) {
      verdict = Verdict::kFailed;
    } else {
      Effect(delivery, operation);
    }
  }
  const auto step = scheduler_.Judge(job.line, verdict, clock_.Steady());
  if (step == KeyScheduler::Step::kRetryLater) {
    visits_.Count(Visit::kRetried);
    failed_in_[key] = job.line;
    return;
  }
  if (step == KeyScheduler::Step::kDeadLetter) {
    Bury(delivery);
  } else {
    Done(delivery);
  }
  scheduler_.Finish(job.line);
}

void Subscriber::Effect(const bus::Delivery& delivery, uint64_t operation) {
  if (inbox_ != nullptr && rules_.inbox &&
      !inbox_->emplace(LaneOf(delivery.event) + StreamOf(delivery), delivery.event.sequence).second) {
    visits_.Count(Visit::kInboxDropped);
    return;
  }
  audit_.Applied(group_, operation, life_);
}

void Subscriber::Done(const bus::Delivery& delivery) {
  seen_[StreamOf(delivery)].Insert(LaneOf(delivery.event), delivery.event.sequence);
  in_hand_[StreamOf(delivery)].End(delivery.entry, delivery.first);
}

void Subscriber::Bury(const bus::Delivery& delivery) {
  // From now on its key goes on without it, also in a later life; a failover may open the grave again.
  audit_.Buried(group_, std::stoull(delivery.event.payload));
  if (rules_.buried_is_seen) {
    seen_[StreamOf(delivery)].Insert(LaneOf(delivery.event), delivery.event.sequence);
  }
  bus::InHand::Letter letter{delivery.event.type, {"reason", "failed", "group", key_of_group_}};
  const auto fields = bus::EntryFields(delivery.event);
  letter.fields.insert(letter.fields.end(), fields.begin(), fields.end());
  in_hand_[StreamOf(delivery)].Bury(delivery.entry, delivery.first, std::move(letter));
}

bool Subscriber::idle() const {
  return scheduler_.queued() == 0 && in_flight_.empty() &&
         std::none_of(in_hand_.begin(), in_hand_.end(), [](const auto& hand) { return hand.second.ended(); });
}

void Subscriber::Acknowledge(Choices& choices) {
  acknowledging_.Advance(choices);
  const bool connected = acknowledging_.connected();
  const auto replies = connected ? acknowledging_.Take() : std::nullopt;
  if (acknowledging_asked_ && (replies || !connected || acknowledging_.idle())) {
    acknowledging_asked_ = false;
    OnAcknowledged(replies.value_or(std::vector<Reply>()));
    return;
  }
  if (!acknowledging_.idle()) {
    return;
  }
  const auto ended =
      std::find_if(in_hand_.begin(), in_hand_.end(), [](const auto& hand) { return hand.second.ended(); });
  if (ended == in_hand_.end()) {
    return;
  }
  in_flight_of_ = ended->first;
  const auto burial = ended->second.CollectBurial();
  burying_ = burial.has_value();
  if (burying_) {
    in_flight_ = {burial->first};
    acknowledging_.Ask(BurialOf(in_flight_of_, burial->first, burial->second));
  } else {
    in_flight_ = ended->second.Collect(kFetchedMax);
    Command command{"XACK", in_flight_of_, key_of_group_};
    command.insert(command.end(), in_flight_.begin(), in_flight_.end());
    acknowledging_.Ask({std::move(command)});
  }
  acknowledging_asked_ = true;
}

// In one step; for the control first the dead letters and then, once they stand, the acknowledgement.
std::vector<Command> Subscriber::BurialOf(const std::string& stream, const std::string& entry,
                                          const std::vector<bus::InHand::Letter>& letters) const {
  const std::string dead_letters = "quantum:dlq:" + stream.substr(stream.find('{'));
  if (rules_.buries_at_once) {
    Command command{
        "FCALL", "quantum_bus_4_bury",  "3",  stream, bus::LeaseKey("order", group_), dead_letters, key_of_group_,
        group_,  std::to_string(life_), entry};
    for (const bus::InHand::Letter& letter : letters) {
      command.push_back(std::to_string(letter.fields.size()));
      command.insert(command.end(), letter.fields.begin(), letter.fields.end());
    }
    return {std::move(command)};
  }
  if (written_.contains(stream + entry)) {
    return {{"XACK", stream, key_of_group_, entry}};
  }
  std::vector<Command> commands;
  for (const bus::InHand::Letter& letter : letters) {
    commands.push_back({"XADD", dead_letters, "*"});
    commands.back().insert(commands.back().end(), letter.fields.begin(), letter.fields.end());
  }
  return commands;
}

// No replies: the connection broke.
void Subscriber::OnAcknowledged(const std::vector<Reply>& replies) {
  const bool done = !replies.empty() &&
                    std::none_of(replies.begin(), replies.end(), [](const Reply& reply) { return reply.is_error(); });
  bool acknowledged = done;
  if (burying_ && done) {
    const bool stands = written_.insert(in_flight_of_ + in_flight_.front()).second;
    acknowledged = rules_.buries_at_once || !stands;
    if (acknowledged) {
      visits_.Count(Visit::kBuried);
    }
  }
  if (acknowledged) {
    in_hand_[in_flight_of_].Acknowledged(in_flight_);
  } else {
    in_hand_[in_flight_of_].Return(in_flight_);
  }
  in_flight_.clear();
}

}  // namespace quantum::simulation
