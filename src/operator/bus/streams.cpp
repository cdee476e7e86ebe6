#include "operator/bus/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "platform/bus/codec.h"
#include "platform/bus/trimming.h"

namespace quantum::operate {

namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerMax = 5s;
constexpr Duration kRenewalMax = 1500ms;  // a lease is renewed twice a second

// "order" of "quantum:stream:{order}".
std::string FamilyIn(const std::string& key) {
  const size_t open = key.find('{');
  return open == std::string::npos ? key : key.substr(open + 1, key.size() - open - 2);
}

std::string ServiceIn(const std::string& group) { return group.substr(group.rfind(':') + 1); }

std::string TextOf(const redis::Reply& pairs, std::string_view name) {
  const redis::Reply* const found = bus::FindField(pairs, name);
  return found == nullptr ? std::string() : found->text;
}

int64_t NumberOf(const redis::Reply& pairs, std::string_view name) {
  const redis::Reply* const found = bus::FindField(pairs, name);
  return found == nullptr ? 0 : found->integer;
}

Result<std::set<std::string>> Families(redis::Client& client) {
  std::set<std::string> families;
  std::string cursor = "0";
  do {
    QUANTUM_TRY(const auto page, client.Run({"SCAN", cursor, "MATCH", "quantum:*:{*}", "COUNT", "1000"}, kAnswerMax));
    cursor = page.elements.at(0).text;
    for (const redis::Reply& key : page.elements.at(1).elements) {
      if (key.text.starts_with("quantum:stream:") || key.text.starts_with("quantum:dlq:")) {
        families.insert(FamilyIn(key.text));
      }
    }
  } while (cursor != "0");
  return families;
}

Result<GroupState> ReadGroup(redis::Client& client, const std::string& family, const redis::Reply& info) {
  const std::string stream = bus::StreamKey(family);
  const std::string group = TextOf(info, "name");
  GroupState state{.name = ServiceIn(group),
                   .lag = {},
                   .pending = NumberOf(info, "pending"),
                   .oldest_pending_ms = 0,
                   .consumers = {},
                   .reader = {},
                   .last_delivered = TextOf(info, "last-delivered-id")};
  if (const redis::Reply* const lag = bus::FindField(info, "lag"); lag != nullptr && !lag->is_nil()) {
    state.lag = lag->integer;
  }
  QUANTUM_TRY(const auto consumers, client.Run({"XINFO", "CONSUMERS", stream, group}, kAnswerMax));
  for (const redis::Reply& consumer : consumers.elements) {
    state.consumers.push_back(TextOf(consumer, "name"));
  }
  QUANTUM_TRY(const auto holder, client.Run({"HGET", bus::LeaseKey(family, state.name), "holder"}, kAnswerMax));
  state.reader = holder.text;
  if (state.pending > 0) {
    QUANTUM_TRY(const auto oldest, client.Run({"XPENDING", stream, group, "-", "+", "1"}, kAnswerMax));
    if (!oldest.elements.empty()) {
      state.oldest_pending_ms = oldest.elements[0].elements.at(2).integer;
    }
  }
  return state;
}

std::vector<Entry> ToEntries(const redis::Reply& reply) {
  std::vector<Entry> entries;
  for (const redis::Reply& entry : reply.elements) {
    const std::string& id = entry.elements.at(0).text;
    auto events = bus::ParseEntry(entry.elements.at(1));
    if (!events) {
      entries.push_back({id, bus::Event{.type = "(unreadable)"}});
      continue;
    }
    for (bus::Event& event : *events) {
      entries.push_back({id, std::move(event)});
    }
  }
  return entries;
}

Status NotThere(const std::string& what) { return Error{Errc::kNotFound, what}; }

Result<GroupState> FindGroup(redis::Client& client, const std::string& family, const std::string& service) {
  QUANTUM_TRY(const auto groups, client.Run({"XINFO", "GROUPS", bus::StreamKey(family)}, kAnswerMax));
  for (const redis::Reply& group : groups.elements) {
    if (TextOf(group, "name") == bus::GroupName(service)) {
      return ReadGroup(client, family, group);
    }
  }
  return Error{Errc::kNotFound, fmt::format("stream {} has no group of {}", family, service)};
}

// Whether a process holds the lease and renews it, which it does twice a second.
Result<bool> IsRead(redis::Client& client, const std::string& family, const std::string& service) {
  const redis::Command ask{"HMGET", bus::LeaseKey(family, service), "holder", "beat"};
  QUANTUM_TRY(const auto before, client.Run(ask, kAnswerMax));
  if (before.elements.at(0).text.empty()) {
    return false;
  }
  fiber::SleepFor(kRenewalMax);
  QUANTUM_TRY(const auto after, client.Run(ask, kAnswerMax));
  return before.elements.at(1).text != after.elements.at(1).text;
}

}  // namespace

Result<std::vector<StreamState>> ReadStreams(redis::Client& client) {
  QUANTUM_TRY(const auto families, Families(client));
  std::vector<StreamState> streams;
  for (const std::string& family : families) {
    const std::string key = bus::StreamKey(family);
    StreamState stream{
        .family = family, .length = 0, .memory_bytes = 0, .dead_letters = 0, .over_quota = {}, .groups = {}};
    QUANTUM_TRY(const auto facts, client.Run({{"XLEN", key},
                                              {"MEMORY", "USAGE", key, "SAMPLES", "20"},
                                              {"XLEN", bus::DeadLetterKey(family)},
                                              {"HGET", bus::ProducersKey(family), "!quota"},
                                              {"XINFO", "GROUPS", key}},
                                             kAnswerMax));
    stream.length = facts[0].integer;
    stream.memory_bytes = facts[1].integer;
    stream.dead_letters = facts[2].integer;
    stream.over_quota = facts[3].text;
    if (facts[4].is_error() && stream.length > 0) {
      return Error{Errc::kInternal, fmt::format("the groups of {}: {}", key, facts[4].text)};
    }
    if (!facts[4].is_error()) {  // no such key: only dead letters are left
      for (const redis::Reply& group : facts[4].elements) {
        QUANTUM_TRY(GroupState state, ReadGroup(client, family, group));
        stream.groups.push_back(std::move(state));
      }
    }
    streams.push_back(std::move(stream));
  }
  return streams;
}

Result<std::vector<Entry>> ReadNewest(redis::Client& client, const std::string& family, int count) {
  QUANTUM_TRY(const auto reply,
              client.Run({"XREVRANGE", bus::StreamKey(family), "+", "-", "COUNT", std::to_string(count)}, kAnswerMax));
  std::vector<Entry> entries = ToEntries(reply);
  std::reverse(entries.begin(), entries.end());
  return entries;
}

Result<std::vector<Entry>> ReadAfter(redis::Connection& connection, const std::string& family, const std::string& id,
                                     Duration wait) {
  // 0 would be for ever.
  const auto milliseconds = std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
  QUANTUM_TRY(const auto reply,
              connection.Run(redis::Command{"XREAD", "COUNT", "100", "BLOCK", std::to_string(milliseconds), "STREAMS",
                                            bus::StreamKey(family), id},
                             wait + kAnswerMax));
  if (reply.is_error()) {
    return Error{Errc::kInternal, "XREAD: " + reply.text};
  }
  return reply.elements.empty() ? std::vector<Entry>() : ToEntries(reply.elements[0].elements.at(1));
}

Result<std::string> NewestDeadLetter(redis::Client& client, const std::string& family) {
  QUANTUM_TRY(const auto reply,
              client.Run({"XREVRANGE", bus::DeadLetterKey(family), "+", "-", "COUNT", "1"}, kAnswerMax));
  return reply.elements.empty() ? std::string() : reply.elements[0].elements.at(0).text;
}

Result<std::vector<DeadLetter>> ReadDeadLetters(redis::Client& client, const std::string& family, int count,
                                                const std::string& newest) {
  QUANTUM_TRY(
      const auto reply,
      client.Run({"XRANGE", bus::DeadLetterKey(family), "-", newest, "COUNT", std::to_string(count)}, kAnswerMax));
  std::vector<DeadLetter> letters;
  for (const redis::Reply& entry : reply.elements) {
    const redis::Reply& fields = entry.elements.at(1);
    const std::string attempts = TextOf(fields, "attempts");
    letters.push_back({.id = entry.elements.at(0).text,
                       .entry = TextOf(fields, "entry"),
                       .group = TextOf(fields, "group"),
                       .reason = TextOf(fields, "reason"),
                       .attempts = attempts.empty() ? 0 : std::atoll(attempts.c_str()),
                       .type = TextOf(fields, "type"),
                       .key = TextOf(fields, "key"),
                       .event_id = TextOf(fields, "id")});
  }
  return letters;
}

Status ReplayDeadLetters(redis::Client& client, const std::string& family, const std::vector<std::string>& ids) {
  const std::string dead = bus::DeadLetterKey(family);
  for (const std::string& id : ids) {
    QUANTUM_TRY(const auto found, client.Run({"XRANGE", dead, id, id}, kAnswerMax));
    if (found.elements.empty()) {
      return NotThere(
          fmt::format("there is no dead letter {} in {}; see quantum bus dead-letters list {}", id, family, family));
    }
    const redis::Reply& fields = found.elements[0].elements.at(1);
    auto event = bus::ParseEvent(fields);
    if (!event) {
      return event.error().Within("dead letter " + id + " cannot be delivered; drop it");
    }
    event->only_for = ServiceIn(TextOf(fields, "group"));
    if (const auto group = FindGroup(client, family, event->only_for); !group) {
      return group.error().Within("dead letter " + id + " has nobody to go to; drop it");
    }
    redis::Command append{"XADD", bus::StreamKey(family), "*"};
    const auto words = bus::EntryFields(*event);
    append.insert(append.end(), words.begin(), words.end());
    // Both or neither: the two keys share a slot.
    QUANTUM_TRY(const auto done,
                client.Run(std::vector<redis::Command>{{"MULTI"}, std::move(append), {"XDEL", dead, id}, {"EXEC"}},
                           kAnswerMax));
    if (done.back().is_error()) {
      return Error{Errc::kInternal, "replaying dead letter " + id + ": " + done.back().text};
    }
  }
  return {};
}

Status DropDeadLetters(redis::Client& client, const std::string& family, const std::vector<std::string>& ids) {
  redis::Command command{"XDEL", bus::DeadLetterKey(family)};
  command.insert(command.end(), ids.begin(), ids.end());
  QUANTUM_TRY(const auto dropped, client.Run(std::move(command), kAnswerMax));
  if (dropped.integer != static_cast<int64_t>(ids.size())) {
    return NotThere(fmt::format("{} of {} dead letters were there and are dropped", dropped.integer, ids.size()));
  }
  return {};
}

Status ReplayGroup(redis::Client& client, const std::string& family, const std::string& service,
                   const std::string& id) {
  const auto from = bus::EntryId::Parse(id == "0" ? "0-0" : id);
  if (!from) {
    return Error{Errc::kInvalidArgument, fmt::format("'{}' is no entry's id, as tail shows it, nor 0", id)};
  }
  QUANTUM_TRY(const GroupState group, FindGroup(client, family, service));
  const auto given = bus::EntryId::Parse(group.last_delivered);
  if (!given || *given < *from) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} has been given {} up to {} only: going on after {} would skip what it has not read",
                             service, family, group.last_delivered, id)};
  }
  // A reader that is at work meanwhile only goes further, so this still goes back.
  const auto set = client.Run({"XGROUP", "SETID", bus::StreamKey(family), bus::GroupName(service), id}, kAnswerMax);
  return set ? Status() : Status(set.error().Within(fmt::format("replaying {} for {}", family, service)));
}

Status DropGroup(redis::Client& client, const std::string& family, const std::string& service) {
  QUANTUM_TRY(const bool read, IsRead(client, family, service));
  if (read) {
    return Error{Errc::kConflict, fmt::format("a process of {} reads {}: stop it first, or it makes the group anew and "
                                              "is given the whole stream",
                                              service, family)};
  }
  QUANTUM_TRY(const auto dropped,
              client.Run({"XGROUP", "DESTROY", bus::StreamKey(family), bus::GroupName(service)}, kAnswerMax));
  QUANTUM_TRY([[maybe_unused]] const auto lease, client.Run({"DEL", bus::LeaseKey(family, service)}, kAnswerMax));
  return dropped.integer == 1 ? Status() : NotThere(fmt::format("stream {} has no group of {}", family, service));
}

}  // namespace quantum::operate
