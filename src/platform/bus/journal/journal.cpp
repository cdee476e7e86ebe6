#include "platform/bus/journal/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "platform/base/assert.h"

namespace quantum::bus::journal {

namespace {

using namespace std::chrono_literals;

constexpr Duration kNoteInterval = 1s;
constexpr Duration kBrokerRemembers = 6 * 24h;  // a day less than the janitor of the bus lets it
constexpr size_t kEventBytesMax = kBodyMax / 4;
constexpr std::string_view kPrefix = "segment-";
constexpr std::string_view kSuffix = ".journal";
constexpr std::string_view kDamaged = ".damaged";

std::string NameOf(uint64_t number) { return fmt::format("{}{:020}{}", kPrefix, number, kSuffix); }

std::optional<uint64_t> NumberOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) {
    return std::nullopt;
  }
  name.remove_prefix(kPrefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

Journal::Journal(Options options, std::string incarnation)
    : options_(std::move(options)), incarnation_(std::move(incarnation)), queues_(options_.events_max) {}

Result<std::unique_ptr<Journal>> Journal::Open(Storage& storage, Options options, std::string incarnation,
                                               SteadyTime now, WallTime wall) {
  std::unique_ptr<Journal> journal(new Journal(std::move(options), std::move(incarnation)));
  QUANTUM_TRY(const std::vector<std::string> names, storage.List());
  for (const std::string& name : names) {
    const auto number = NumberOf(name);
    if (!number) {
      continue;
    }
    journal->next_number_ = std::max(journal->next_number_, *number + 1);
    if (!name.ends_with(kDamaged)) {
      QUANTUM_TRY(const std::string bytes, storage.Read(name));
      QUANTUM_CHECK(journal->Load(name, bytes));
    }
  }
  journal->ApplyNotes(now, wall);
  return journal;
}

Status Journal::Load(const std::string& name, const std::string& bytes) {
  Segment segment = ReadSegment(bytes);
  if (!segment.header.producer.empty() && segment.header.producer != options_.producer) {
    return Error{Errc::kInvalidArgument, fmt::format("{} is of producer {}, not of {}: give each its own folder", name,
                                                     segment.header.producer, options_.producer)};
  }
  SegmentFile file{.name = name, .bytes = bytes.size(), .damaged = segment.damaged, .last = {}};
  if (segment.damaged) {
    damaged_.push_back(name);
  }
  for (Segment::Record& record : segment.records) {
    if (auto* const event = std::get_if<Event>(&record)) {
      Restore(std::move(*event), file);
    } else {
      const auto& note = std::get<Confirmed>(record);
      Confirmed& known = noted_[{note.incarnation, note.family}];
      if (note.sequence >= known.sequence) {
        known = note;
      }
    }
  }
  bytes_ += file.bytes;
  old_.push_back(std::move(file));
  return {};
}

void Journal::Restore(Event event, SegmentFile& file) {
  const LaneName name{event.incarnation, FamilyOf(event.type)};
  const uint64_t sequence = event.sequence;
  auto found = restored_.find(name);
  // A hole (a damaged segment) begins a lane anew: the sender will say that what lies between is gone.
  if (found == restored_.end() || sequence > queues_.last(found->second) + 1) {
    const size_t lane = queues_.Open({options_.producer, name.first, name.second}, sequence);
    durable_.push_back(0);
    found = restored_.insert_or_assign(name, lane).first;
  }
  const size_t lane = found->second;
  if (sequence > queues_.last(lane)) {  // else written twice, after a sync that failed
    queues_.Push(lane, std::move(event));
  }
  file.last[lane] = std::max(file.last[lane], sequence);
}

void Journal::ApplyNotes(SteadyTime now, WallTime wall) {
  for (size_t lane = 0; lane < queues_.size(); ++lane) {
    const auto note = noted_.find({queues_.lane(lane).incarnation, queues_.lane(lane).family});
    if (note != noted_.end()) {
      const Duration age = std::max<Duration>(wall - note->second.at, Duration(0));
      queues_.Confirm(lane, std::min(note->second.sequence, queues_.last(lane)), now - age);
      if (age > kBrokerRemembers) {
        queues_.Discard(lane);
      }
    }
  }
  noted_.clear();
}

Result<Outbox::Ticket> Journal::Append(Event event) {
  if (disk_full_) {
    return Error{Errc::kExhausted, fmt::format("the journal cannot be written: {}", trouble_)};
  }
  if (queues_.pending() >= options_.events_max || bytes_ + unsealed_bytes_ >= options_.bytes_max) {
    return Error{Errc::kExhausted, fmt::format("the outbox is full ({} events wait for the broker, {} bytes on disk)",
                                               queues_.pending(), bytes_)};
  }
  if (event.payload.size() > kEventBytesMax) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("the payload has {} bytes, {} are allowed", event.payload.size(), kEventBytesMax)};
  }
  const std::string family = FamilyOf(event.type);
  auto found = by_family_.find(family);
  if (found == by_family_.end()) {
    found = by_family_.emplace(family, queues_.Open({options_.producer, incarnation_, family})).first;
    durable_.push_back(0);
  }
  const size_t lane = found->second;
  if (queues_.last(lane) - queues_.confirmed(lane) >=
      options_.events_max / 2) {  // one that is stuck leaves room for the rest
    return Error{Errc::kExhausted, fmt::format("{} events of stream {} wait for the broker: half of the outbox",
                                               options_.events_max / 2, family)};
  }
  const EventPtr taken = queues_.Push(lane, std::move(event));
  Enqueue(EncodeEvent(*taken));
  unsealed_last_[lane] = taken->sequence;
  return Ticket{lane, taken->sequence};
}

void Journal::Enqueue(std::string body) {
  unsealed_bytes_ += body.size();
  unsealed_.push_back(std::move(body));
}

void Journal::Confirm(size_t lane, uint64_t sequence, SteadyTime now) {
  queues_.Confirm(lane, sequence, now);
  newly_confirmed_.insert(lane);
}

void Journal::NoteConfirmed(WallTime wall) {
  for (const size_t lane : newly_confirmed_) {
    const Lane& name = queues_.lane(lane);
    Enqueue(EncodeConfirmed({name.incarnation, name.family, queues_.confirmed(lane), wall}));
  }
  newly_confirmed_.clear();
}

bool Journal::IsRetired(const SegmentFile& segment) const {
  return std::all_of(segment.last.begin(), segment.last.end(),
                     [this](const auto& last) { return queues_.retired(last.first) >= last.second; });
}

void Journal::CollectRetired(Job& job) {
  std::erase_if(old_, [&](const SegmentFile& segment) {
    if (!IsRetired(segment)) {
      return false;
    }
    (segment.damaged ? job.set_aside : job.remove).push_back(segment.name);
    bytes_ -= segment.bytes;
    return true;
  });
}

std::optional<Journal::Job> Journal::Next(SteadyTime now, WallTime wall) {
  QUANTUM_ASSERT(!in_flight_);
  Job job;
  CollectRetired(job);
  if (!newly_confirmed_.empty() && now - noted_at_ >= kNoteInterval) {
    noted_at_ = now;
    NoteConfirmed(wall);
  }
  if (!unsealed_.empty()) {
    if (current_ && (give_up_current_ || current_->bytes >= options_.segment_bytes)) {
      old_.push_back(std::move(*current_));
      current_.reset();
    }
    give_up_current_ = false;
    if (!current_) {
      header_ = {options_.producer, incarnation_, next_number_++};
      current_ = SegmentFile{.name = NameOf(header_.number), .bytes = 0, .damaged = false, .last = {}};
    }
    job.file = current_->name;
    job.offset = current_->bytes;
    if (current_->bytes == 0) {
      job.bytes = EncodeSegmentStart(header_);
    }
    for (const std::string& body : unsealed_) {
      AppendSealed(header_, body, job.bytes);
    }
    job.sync = !unsealed_last_.empty();  // notes alone can wait for the next event
    in_flight_ = InFlight{std::exchange(unsealed_, {}), std::exchange(unsealed_last_, {}), job.bytes.size(), job.sync};
    unsealed_bytes_ = 0;
  }
  if (job.file.empty() && job.remove.empty() && job.set_aside.empty()) {
    return std::nullopt;
  }
  return job;
}

void Journal::TakeBack(InFlight failed) {
  for (const std::string& body : failed.bodies) {
    unsealed_bytes_ += body.size();
  }
  unsealed_.insert(unsealed_.begin(), std::make_move_iterator(failed.bodies.begin()),
                   std::make_move_iterator(failed.bodies.end()));
  unsealed_last_.merge(failed.last);  // where both know a lane, what was appended since is later
}

void Journal::Finish(const Outcome& outcome) {
  if (!in_flight_) {
    return;
  }
  InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  const Status& status = outcome.written ? outcome.synced : outcome.written;
  if (!status) {
    trouble_ = status.error().message;
    disk_full_ = status.error().code == Errc::kExhausted;
    give_up_current_ = outcome.written.ok();
    TakeBack(std::move(done));
    return;
  }
  trouble_.clear();
  disk_full_ = false;
  current_->bytes += done.bytes;
  bytes_ += done.bytes;
  for (const auto& [lane, sequence] : done.last) {
    current_->last[lane] = sequence;
    durable_[lane] = sequence;
  }
}

uint64_t Journal::durable(size_t lane) const { return durable_.at(lane); }

Journal::Outcome CarryOut(const Journal::Job& job, Storage& storage) {
  Journal::Outcome outcome;
  if (!job.file.empty()) {
    outcome.written = storage.Write(job.file, job.offset, job.bytes);
    if (outcome.written && job.sync) {
      outcome.synced = storage.Sync(job.file);
    }
  }
  // What cannot be tidied away now is found again at the next start.
  for (const std::string& name : job.remove) {
    static_cast<void>(storage.Remove(name));
  }
  for (const std::string& name : job.set_aside) {
    static_cast<void>(storage.Rename(name, name + std::string(kDamaged)));
  }
  return outcome;
}

}  // namespace quantum::bus::journal
