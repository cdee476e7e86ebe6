#include "platform/bus/fetcher.h"

#include <algorithm>
#include <utility>

#include "platform/bus/event.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 500ms;  // also how fast a stop is seen
constexpr Duration kAnswerMax = 2s;
constexpr size_t kFetchEntriesMin = 8;
// Entries may become pending, or be so again, behind our back: an acknowledgement that went to a master that was
// deposed tells of it only after the new one's pending entries were read.
constexpr auto kLookAgain = 5000ms;
constexpr const char* kStart = "0-0";
constexpr Duration kFullFor = 5s;  // until a transaction is tried again

// Whether the answer to XREAD has something of this stream.
bool Names(const redis::Reply& answer, const std::string& stream) {
  return std::any_of(answer.elements.begin(), answer.elements.end(),
                     [&](const redis::Reply& each) { return each.elements.at(0).text == stream; });
}

}  // namespace

void Fetcher::StartOver() {
  ++connections_;
  asked_.clear();
  for (Reading& reading : readings_) {
    reading = {.family = reading.family};
  }
}

Result<bool> Fetcher::Round(redis::Connection& connection) {
  if (asked_.empty()) {
    QUANTUM_TRY(const bool any, Ask(connection));
    if (!any) {
      return false;
    }
  }
  const Request request = std::move(asked_.front());
  asked_.pop_front();
  QUANTUM_TRY(const auto replies, connection.Receive(request.commands, kBlock + kAnswerMax));
  if (replies.front().is_error()) {
    return Error{Errc::kUnavailable, "waiting for events, or watching a lease: " + replies.front().text};
  }
  size_t begin = request.waits ? 1 : 0;
  std::vector<Found> found;
  for (const Part& part : request.parts) {
    part.reading->woken = request.waits && Names(replies.front(), StreamKey(part.reading->family));
    const redis::Reply& executed = replies[part.end - 1];
    if (!request.full && executed.is_error() && executed.text.starts_with("EXECABORT") && leases_.fenced()) {
      full_until_ = clock_.Steady() + kFullFor;
      part.reading->more = true;
      begin = part.end;
      continue;
    }
    const redis::Reply& guard = request.full ? executed : leases_.fenced() ? replies[begin + 1] : redis::Reply();
    QUANTUM_TRY(const redis::Reply* const entries, ReadAnswer(part, guard, executed));
    if (entries != nullptr) {
      found.push_back({&part, entries});
    }
    begin = part.end;
  }
  for (bool any = true; any && asked_.size() < (MuchIsThere() ? 2 : 1);) {
    QUANTUM_TRY(any, Ask(connection));
  }
  for (const Found& each : found) {
    const size_t entries = each.entries->elements.size();
    const size_t events = take_(each.part->reading->family, each.part->token, *each.entries);
    if (entries > 0 && events > 0) {
      each.part->reading->count = std::clamp(kFetch * entries / events, kFetchEntriesMin, kFetch);
    }
  }
  return true;
}

// In one of our streams, and in none of them does the next question depend on an answer that is not here yet.
bool Fetcher::MuchIsThere() const {
  bool much = false;
  for (const Reading& reading : readings_) {
    if (reading.token != 0 && leases_.Token(reading.family) == reading.token &&
        leases_.Runs(reading.family, reading.token)) {
      if (reading.pending || reading.last.empty()) {
        return false;
      }
      much = much || reading.more;
    }
  }
  return much;
}

std::vector<Fetcher::Reading*> Fetcher::Ours() {
  std::vector<Reading*> ours;
  for (Reading& reading : readings_) {
    const uint64_t token = leases_.Token(reading.family);
    if (token == 0 || !leases_.Runs(reading.family, token)) {
      continue;
    }
    if (token != reading.token) {
      reading = {.family = reading.family, .token = token};
    }
    if (leases_.fenced() && !reading.pending && clock_.Steady() - reading.through_at >= kLookAgain) {
      reading.pending = true;
      reading.more = true;
    }
    ours.push_back(&reading);
  }
  return ours;
}

Result<bool> Fetcher::Ask(redis::Connection& connection) {
  const std::vector<Reading*> ours = Ours();
  if (ours.empty()) {
    return false;
  }
  // One round trip: whatever ends the wait, the rest runs at once.
  Request request;
  std::vector<redis::Command> commands;
  request.waits = std::none_of(ours.begin(), ours.end(), [](const Reading* reading) { return reading->more; });
  if (request.waits) {
    AddWait(ours, commands);
  }
  request.full = leases_.fenced() && clock_.Steady() < full_until_;
  for (Reading* reading : ours) {
    request.full ? AddFunction(*reading, commands) : AddTransaction(*reading, commands);
    request.parts.push_back({.reading = reading,
                             .token = reading->token,
                             .pending = reading->pending,
                             .count = reading->count,
                             .end = commands.size()});
  }
  request.commands = commands.size();
  QUANTUM_CHECK(connection.Send(commands, kAnswerMax));
  asked_.push_back(std::move(request));
  return true;
}

// Not the group's own reading: that would be given out to whoever waits, and a transaction cannot wait.
void Fetcher::AddWait(const std::vector<Reading*>& ours, std::vector<redis::Command>& commands) const {
  redis::Command wait{"XREAD", "COUNT", "1", "BLOCK", std::to_string(kBlock.count()), "STREAMS"};
  for (const Reading* reading : ours) {
    wait.push_back(StreamKey(reading->family));
  }
  for (const Reading* reading : ours) {
    wait.push_back(reading->last);
  }
  commands.push_back(std::move(wait));
}

void Fetcher::AddTransaction(const Reading& reading, std::vector<redis::Command>& commands) const {
  const std::string stream = StreamKey(reading.family);
  const std::string count = std::to_string(reading.count);
  if (leases_.fenced()) {
    const std::string lease = leases_.Key(reading.family);
    commands.push_back({"WATCH", lease});
    commands.push_back({"FCALL", "quantum_bus_4_guard", "1", lease, leases_.session(), std::to_string(reading.token),
                        std::to_string(connections_)});
  }
  commands.push_back({"MULTI"});
  if (reading.pending) {
    const auto idle = reading.again ? kLookAgain : 0ms;
    commands.push_back({"XAUTOCLAIM", stream, group_, consumer_, std::to_string(idle.count()),
                        reading.cursor.empty() ? kStart : reading.cursor, "COUNT", count});
  } else {
    commands.push_back({"XREADGROUP", "GROUP", group_, consumer_, "COUNT", count, "STREAMS", stream, ">"});
    if (reading.last.empty()) {
      commands.push_back({"XREVRANGE", stream, "+", "-", "COUNT", "1"});
    }
  }
  commands.push_back({"EXEC"});
}

// The same where no transaction is to be had. Slower: the entries pass through Lua.
void Fetcher::AddFunction(const Reading& reading, std::vector<redis::Command>& commands) const {
  redis::Command read{"FCALL",
                      "quantum_bus_4_read",
                      "2",
                      StreamKey(reading.family),
                      leases_.Key(reading.family),
                      leases_.session(),
                      std::to_string(reading.token),
                      std::to_string(connections_),
                      group_,
                      consumer_,
                      std::to_string(reading.count)};
  if (reading.pending) {
    read.push_back(reading.cursor.empty() ? kStart : reading.cursor);
    read.push_back(std::to_string((reading.again ? kLookAgain : 0ms).count()));
  } else {
    read.push_back("new");
  }
  commands.push_back(std::move(read));
}

Result<const redis::Reply*> Fetcher::ReadAnswer(const Part& part, const redis::Reply& guard,
                                                const redis::Reply& executed) {
  const redis::Reply* const nothing = nullptr;
  Reading& reading = *part.reading;
  if (guard.is_error() && guard.text.starts_with("LEASE")) {
    leases_.Refused(reading.family, part.token);
    return nothing;
  }
  for (const redis::Reply* const reply : {&guard, &executed}) {
    if (reply->is_error()) {
      return Error{Errc::kUnavailable, "reading " + reading.family + ": " + reply->text};
    }
  }
  if (executed.elements.empty()) {
    reading.more = true;  // the first over this connection, or the lease was renewed in between: once more
    return nothing;
  }
  if (executed.elements[0].is_error()) {
    return Error{Errc::kUnavailable, "reading " + reading.family + ": " + executed.elements[0].text};
  }
  if (leases_.Token(reading.family) != part.token || reading.token != part.token) {
    return nothing;  // lost while the answer was on its way; the entries stay pending
  }
  return part.pending ? ReadPending(reading, executed.elements[0]) : ReadNew(reading, part.count, executed);
}

const redis::Reply* Fetcher::ReadPending(Reading& reading, const redis::Reply& claimed) {
  if (claimed.elements.size() < 2) {
    return nullptr;
  }
  reading.cursor = claimed.elements[0].text;
  if (reading.cursor == kStart) {
    reading.pending = false;
    reading.again = true;
    reading.through_at = clock_.Steady();
  }
  return &claimed.elements[1];
}

const redis::Reply* Fetcher::ReadNew(Reading& reading, size_t count, const redis::Reply& executed) {
  const redis::Reply& streams = executed.elements[0];
  const redis::Reply* const entries = streams.elements.empty() ? nullptr : &streams.elements[0].elements.at(1);
  const bool woken = std::exchange(reading.woken, false);
  reading.more = entries != nullptr && entries->elements.size() >= count;
  if (entries != nullptr && !entries->elements.empty()) {
    reading.last = entries->elements.back().elements.at(0).text;
    return entries;
  }
  if (reading.last.empty() && executed.elements.size() > 1) {
    // The group has been given everything: what comes after the stream's newest entry is new.
    const redis::Reply& newest = executed.elements[1];
    reading.last = newest.elements.empty() ? kStart : newest.elements[0].elements.at(0).text;
  } else if (woken && leases_.fenced()) {
    reading.last.clear();  // the group was given it already: else it would wake us for ever
    reading.more = true;
  }
  return nullptr;
}

}  // namespace quantum::bus
