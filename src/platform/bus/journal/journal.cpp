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
constexpr size_t kBufferMax = 1 << 20;  // bytes kept for the next job
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
  SegmentFile file{.name = name, .family = {}, .bytes = bytes.size(), .damaged = segment.damaged, .last = {}};
  std::set<std::string> families;
  if (segment.damaged) {
    damaged_.push_back(name);
  }
  for (Segment::Record& record : segment.records) {
    if (auto* const event = std::get_if<Event>(&record)) {
      families.insert(FamilyOf(event->type));
      Restore(std::move(*event), file);
    } else {
      const auto& note = std::get<Confirmed>(record);
      Confirmed& known = noted_[{note.incarnation, note.family}];
      if (note.sequence >= known.sequence) {
        known = note;
      }
    }
  }
  if (families.size() == 1) {
    file.family = *families.begin();
    tails_[file.family].bytes += file.bytes;
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
      // A clock that was wrong when the note was written may have said anything.
      const Duration age = wall - std::clamp(note->second.at, WallTime{}, std::max(wall, WallTime{}));
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
  if (event.payload.size() > kEventBytesMax) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("the payload has {} bytes, {} are allowed", event.payload.size(), kEventBytesMax)};
  }
  const std::string family = FamilyOf(event.type);
  Tail& tail = tails_[family];
  QUANTUM_CHECK(CheckRoom(tail, family));
  if (!tail.lane) {
    tail.lane = queues_.Open({options_.producer, incarnation_, family});
    durable_.push_back(0);
  }
  const EventPtr taken = queues_.Push(*tail.lane, std::move(event));
  Enqueue(tail, EncodeEvent(*taken));
  tail.unsealed_last = taken->sequence;
  return Ticket{*tail.lane, taken->sequence};
}

// A family that is stuck must leave room for the rest, and several such ones must too.
Status Journal::CheckRoom(const Tail& tail, const std::string& family) const {
  const size_t waiting = tail.lane ? queues_.last(*tail.lane) - queues_.confirmed(*tail.lane) : 0;
  const uint64_t bytes = tail.bytes + tail.unsealed_bytes;
  if ((queues_.pending() >= options_.events_max && waiting >= options_.events_max / tails_.size()) ||
      (bytes_ + unsealed_bytes_ >= options_.bytes_max && bytes >= options_.bytes_max / tails_.size())) {
    return Error{
        Errc::kExhausted,
        fmt::format("the outbox is full ({} events wait for the broker, {} of stream {}; {} bytes on disk, {} of "
                    "them its own)",
                    queues_.pending(), waiting, family, bytes_, tail.bytes)};
  }
  if (waiting >= options_.events_max / 2) {
    return Error{Errc::kExhausted,
                 fmt::format("{} events of stream {} wait for the broker: half of the outbox", waiting, family)};
  }
  return {};
}

void Journal::Enqueue(Tail& tail, std::string body) {
  tail.unsealed_bytes += body.size();
  unsealed_bytes_ += body.size();
  tail.unsealed.push_back(std::move(body));
}

void Journal::Confirm(size_t lane, uint64_t sequence, SteadyTime now) {
  queues_.Confirm(lane, sequence, now);
  newly_confirmed_.insert(lane);
}

void Journal::NoteConfirmed(WallTime wall) {
  for (const size_t lane : newly_confirmed_) {
    const Lane& name = queues_.lane(lane);
    Enqueue(tails_[name.family], EncodeConfirmed({name.incarnation, name.family, queues_.confirmed(lane), wall}));
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
    if (!segment.family.empty()) {
      tails_.at(segment.family).bytes -= segment.bytes;
    }
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
  if (const auto next = NextTail(); next != tails_.end()) {
    served_ = next;
    Write(next->second, next->first, job);
  }
  if (job.file.empty() && job.remove.empty() && job.set_aside.empty()) {
    return std::nullopt;
  }
  return job;
}

// In turn; but after a failure the same again, so that the journal works or fails as a whole.
Journal::Tails::iterator Journal::NextTail() {
  auto next = served_;
  for (size_t i = 0; i < tails_.size() + 1; ++i) {
    if (next == tails_.end()) {
      next = tails_.begin();
    } else if (trouble_.empty() || i > 0) {
      ++next;
    }
    if (next != tails_.end() && !next->second.unsealed.empty()) {
      return next;
    }
  }
  return tails_.end();
}

void Journal::Write(Tail& tail, const std::string& family, Job& job) {
  if (tail.current && (tail.give_up_current || tail.current->bytes >= options_.segment_bytes)) {
    old_.push_back(std::move(*tail.current));
    tail.current.reset();
  }
  tail.give_up_current = false;
  if (!tail.current) {
    tail.header = {options_.producer, incarnation_, next_number_++};
    tail.current =
        SegmentFile{.name = NameOf(tail.header.number), .family = family, .bytes = 0, .damaged = false, .last = {}};
  }
  job.file = tail.current->name;
  job.offset = tail.current->bytes;
  job.bytes = std::exchange(buffer_, {});
  job.bytes.clear();
  if (tail.current->bytes == 0) {
    job.bytes = EncodeSegmentStart(tail.header);
  }
  job.bytes.reserve(job.bytes.size() + tail.unsealed_bytes + tail.unsealed.size() * kSealBytes);
  for (const std::string& body : tail.unsealed) {
    AppendSealed(tail.header, body, job.bytes);
  }
  job.sync = tail.unsealed_last.has_value();  // notes alone can wait for the next event
  in_flight_ =
      InFlight{std::exchange(tail.unsealed, {}), std::exchange(tail.unsealed_last, std::nullopt), job.bytes.size()};
  unsealed_bytes_ -= std::exchange(tail.unsealed_bytes, 0);
}

void Journal::TakeBack(InFlight failed) {
  Tail& tail = served_->second;
  for (const std::string& body : failed.bodies) {
    tail.unsealed_bytes += body.size();
    unsealed_bytes_ += body.size();
  }
  tail.unsealed.insert(tail.unsealed.begin(), std::make_move_iterator(failed.bodies.begin()),
                       std::make_move_iterator(failed.bodies.end()));
  if (!tail.unsealed_last) {  // else what was appended since is later
    tail.unsealed_last = failed.last;
  }
}

void Journal::Finish(const Outcome& outcome, std::string buffer) {
  // Memory that is touched for the first time costs more than what is written into it; but one large job is no reason
  // to keep as much for ever.
  if (buffer.capacity() <= kBufferMax) {
    buffer_ = std::move(buffer);
  }
  if (!in_flight_) {
    return;
  }
  InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  Tail& tail = served_->second;
  const Status& status = outcome.written ? outcome.synced : outcome.written;
  if (!status) {
    trouble_ = status.error().message;
    disk_full_ = status.error().code == Errc::kExhausted;
    tail.give_up_current = outcome.written.ok();
    TakeBack(std::move(done));
    return;
  }
  trouble_.clear();
  disk_full_ = false;
  tail.current->bytes += done.bytes;
  tail.bytes += done.bytes;
  bytes_ += done.bytes;
  if (done.last) {
    tail.current->last[*tail.lane] = *done.last;
    durable_[*tail.lane] = *done.last;
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
