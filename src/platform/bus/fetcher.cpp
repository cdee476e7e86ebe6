#include "platform/bus/fetcher.h"

#include <algorithm>
#include <utility>

#include "platform/bus/event.h"

namespace quantum::bus {

namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 500ms;  // also how fast a stop is seen
constexpr Duration kAnswerMax = 2s;
constexpr size_t kFetch = 256;
// Entries may become pending, or be so again, behind our back: an acknowledgement that went to a master that was
// deposed tells of it only after the new one's pending entries were read.
constexpr auto kLookAgain = 5000ms;
constexpr const char* kStart = "0-0";

// Whether the answer to XREAD has something of this stream.
bool Names(const redis::Reply& answer, const std::string& stream) {
  return std::any_of(answer.elements.begin(), answer.elements.end(),
                     [&](const redis::Reply& each) { return each.elements.at(0).text == stream; });
}

}  // namespace

void Fetcher::StartOver() {
  ++connections_;
  for (Reading& reading : readings_) {
    reading = {.family = reading.family};
  }
}

Result<bool> Fetcher::Round(redis::Connection& connection) {
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
  if (ours.empty()) {
    return false;
  }
  // One round trip: whatever ends the wait, the rest runs at once.
  std::vector<redis::Command> commands;
  if (std::none_of(ours.begin(), ours.end(), [](const Reading* reading) { return reading->more; })) {
    AddWait(ours, commands);
  }
  std::vector<size_t> ends;
  for (const Reading* reading : ours) {
    AddTransaction(*reading, commands);
    ends.push_back(commands.size());
  }
  QUANTUM_TRY(const auto replies, connection.Run(commands, kBlock + kAnswerMax));
  if (replies.front().is_error()) {
    return Error{Errc::kUnavailable, commands.front().front() + ": " + replies.front().text};
  }
  size_t begin = commands.front().front() == "XREAD" ? 1 : 0;
  for (size_t i = 0; begin == 1 && i < ours.size(); ++i) {
    ours[i]->woken = Names(replies.front(), StreamKey(ours[i]->family));
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    const redis::Reply& guard = leases_.fenced() ? replies[begin + 1] : redis::Reply();
    QUANTUM_CHECK(TakeAnswer(*ours[i], guard, replies[ends[i] - 1]));
    begin = ends[i];
  }
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
  const std::string count = std::to_string(kFetch);
  if (leases_.fenced()) {
    const std::string lease = leases_.Key(reading.family);
    commands.push_back({"WATCH", lease});
    commands.push_back({"FCALL", "quantum_bus_3_guard", "1", lease, leases_.session(), std::to_string(reading.token),
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

Status Fetcher::TakeAnswer(Reading& reading, const redis::Reply& guard, const redis::Reply& executed) {
  if (guard.is_error() && guard.text.starts_with("LEASE")) {
    leases_.Refused(reading.family, reading.token);
    return {};
  }
  for (const redis::Reply* const reply : {&guard, &executed}) {
    if (reply->is_error()) {
      return Error{Errc::kUnavailable, "reading " + reading.family + ": " + reply->text};
    }
  }
  if (executed.elements.empty()) {
    reading.more = true;  // the first over this connection, or the lease was renewed in between: once more
    return {};
  }
  if (executed.elements[0].is_error()) {
    return Error{Errc::kUnavailable, "reading " + reading.family + ": " + executed.elements[0].text};
  }
  if (leases_.Token(reading.family) != reading.token) {
    return {};  // lost while the answer was on its way; the entries stay pending
  }
  if (reading.pending) {
    TakePending(reading, executed.elements[0]);
  } else {
    TakeNew(reading, executed);
  }
  return {};
}

void Fetcher::TakePending(Reading& reading, const redis::Reply& claimed) {
  if (claimed.elements.size() < 2) {
    return;
  }
  reading.cursor = claimed.elements[0].text;
  if (reading.cursor == kStart) {
    reading.pending = false;
    reading.again = true;
    reading.through_at = clock_.Steady();
  }
  take_(reading.family, reading.token, claimed.elements[1]);
}

void Fetcher::TakeNew(Reading& reading, const redis::Reply& executed) {
  const redis::Reply& streams = executed.elements[0];
  const redis::Reply none;
  const redis::Reply& entries = streams.elements.empty() ? none : streams.elements[0].elements.at(1);
  const bool woken = std::exchange(reading.woken, false);
  reading.more = entries.elements.size() >= kFetch;
  if (!entries.elements.empty()) {
    reading.last = entries.elements.back().elements.at(0).text;
    take_(reading.family, reading.token, entries);
  } else if (reading.last.empty()) {
    // The group has been given everything: what comes after the stream's newest entry is new.
    const redis::Reply& newest = executed.elements.at(1);
    reading.last = newest.elements.empty() ? kStart : newest.elements[0].elements.at(0).text;
  } else if (woken && leases_.fenced()) {
    reading.last.clear();  // the group was given it already: else it would wake us for ever
    reading.more = true;
  }
}

}  // namespace quantum::bus
