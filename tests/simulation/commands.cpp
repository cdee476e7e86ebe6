#include "tests/simulation/commands.h"

#include <fmt/format.h>

#include "platform/base/assert.h"

namespace quantum::simulation {

namespace {

using redis::Command;
using redis::Reply;

// Of an append: function, its name, number of keys, two keys, then the arguments.
constexpr size_t kKeys = 3;
constexpr size_t kHead = kKeys + 2 + 6;
constexpr const char* kFields[] = {"id", "type", "v", "source", "key", "cid", "cause", "ts", "payload"};
constexpr size_t kFieldCount = std::size(kFields);
constexpr const char* kNew = ">";

std::string LaneOf(const std::string& producer, const std::string& incarnation) { return producer + "/" + incarnation; }

Reply EntryReply(const Store::Entry& entry) { return ArrayReply({TextReply(entry.id.ToString()), FieldsReply(entry)}); }

}  // namespace

Reply TextReply(std::string text) { return {.type = Reply::Type::kString, .text = std::move(text)}; }
Reply NumberReply(int64_t number) { return {.type = Reply::Type::kInteger, .integer = number}; }
Reply ErrorReply(std::string text) { return {.type = Reply::Type::kError, .text = std::move(text)}; }
Reply FieldsReply(const Store::Entry& entry) {
  Reply fields{.type = Reply::Type::kArray};
  for (const std::string& word : *entry.fields) {
    fields.elements.push_back(TextReply(word));
  }
  return fields;
}
Reply ArrayReply(std::vector<Reply> elements) { return {.type = Reply::Type::kArray, .elements = std::move(elements)}; }

std::string EncodeReply(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::kNil:
      return "*-1\r\n";
    case Reply::Type::kString:
      return fmt::format("${}\r\n{}\r\n", reply.text.size(), reply.text);
    case Reply::Type::kInteger:
      return fmt::format(":{}\r\n", reply.integer);
    case Reply::Type::kStatus:
      return "+" + reply.text + "\r\n";
    case Reply::Type::kError:
      return "-" + reply.text + "\r\n";
    case Reply::Type::kArray:
      break;
  }
  std::string bytes = fmt::format("*{}\r\n", reply.elements.size());
  for (const Reply& element : reply.elements) {
    bytes += EncodeReply(element);
  }
  return bytes;
}

bool Commands::Writes(const Command& command) {
  return command[0] != "ROLE" && !(command[0] == "FCALL" && command[1].ends_with("_last"));
}

Reply Commands::Run(const Command& command) {
  const std::string& name = command[0];
  if (name == "FCALL" && command[1].ends_with("_append")) {
    return Append(command);
  }
  if (name == "FCALL" && command[1].ends_with("_last")) {
    return NumberReply(static_cast<int64_t>(Last(command[3], LaneOf(command[4], command[5]))));
  }
  if (name == "FCALL" && command[1].ends_with("_bury")) {
    return Bury(command);
  }
  if (name == "FCALL" && command[1].ends_with("_guard")) {
    return Guard(command);
  }
  if (name == "XREADGROUP") {
    return ReadGroup(command);
  }
  if (name == "XACK") {
    return Acknowledge(command);
  }
  if (name == "XADD") {
    return TextReply(Add(command[1], {command.begin() + 3, command.end()}).ToString());
  }
  if (name == "XGROUP") {
    const Store::Stream* const stream = store_.FindStream(command[2]);
    if (stream != nullptr && stream->groups.contains(command[3])) {
      return ErrorReply("BUSYGROUP Consumer Group name already exists");
    }
    change_(Store::MakeGroup{command[2], command[3]});
    return {.type = Reply::Type::kStatus, .text = "OK"};
  }
  QUANTUM_ASSERT(false);  // nobody sends anything else
}

// As `append` in bus.lua, line for line.
Reply Commands::Append(const Command& words) {
  const std::string& stream = words[kKeys];
  const std::string& producers = words[kKeys + 1];
  const std::string& producer = words[kKeys + 2];
  const std::string& incarnation = words[kKeys + 3];
  const std::string& session = words[kKeys + 4];
  const uint64_t first = std::stoull(words[kKeys + 5]);
  const uint64_t final = std::stoull(words[kKeys + 6]);
  const bool gap = words[kKeys + 7] == "gap";
  if (!session.empty()) {
    if (const auto fenced = Fence(producers, producer, session)) {
      return *fenced;
    }
  }
  const std::string lane = LaneOf(producer, incarnation);
  uint64_t last = Last(producers, lane);
  if (const auto quota = store_.Get(producers, "!quota"); quota && final > last) {
    visits_.Count(Visit::kOverQuota);
    return ErrorReply("QUOTA " + *quota);
  }
  int64_t appended = 0;
  if (first <= last + 1 || gap || !rules_.sequences) {
    uint64_t sequence = first;
    for (size_t at = kHead; at < words.size();) {
      const uint64_t count = std::stoull(words[at]);
      const uint64_t until = sequence + count - 1;
      if (sequence > last || !rules_.sequences) {
        std::vector<std::string> fields{"producer", producer, "inc", incarnation, "seq", std::to_string(sequence)};
        for (size_t f = 0; count == 1 && f < kFieldCount; ++f) {
          fields.insert(fields.end(), {kFields[f], words[at + 1 + f]});
        }
        if (count > 1) {
          visits_.Count(Visit::kBundled);
          fields.insert(fields.end(), {"n", words[at], "events_zstd", words[at + 1]});
        }
        Add(stream, std::move(fields));
        last = std::max(last, until);
        appended += static_cast<int64_t>(count);
      } else if (until > last) {
        visits_.Count(Visit::kHeldInPart);
        break;
      }
      at += 1 + (count == 1 ? kFieldCount : 1);
      sequence = until + 1;
    }
    visits_.Count(appended > 0 ? Visit::kAppended : Visit::kRepeatSkipped);
  }
  change_(Store::Set{producers, lane, fmt::format("{} {}", last, ToUnixMs(now_) / 1000)});
  return ArrayReply({NumberReply(static_cast<int64_t>(last)), NumberReply(appended)});
}

std::optional<Reply> Commands::Fence(const std::string& producers, const std::string& producer,
                                     const std::string& session) {
  const std::string field = "@" + producer;
  const auto state = store_.Get(producers, field);
  const std::string held = state ? state->substr(0, state->find(' ')) : std::string();
  if (held > session) {
    visits_.Count(Visit::kFenced);
    return ErrorReply("FENCED a process that was started later sends as " + producer);
  }
  if (held != session) {
    change_(Store::Set{producers, field, fmt::format("{} {}", session, ToUnixMs(now_) / 1000)});
  }
  return std::nullopt;
}

uint64_t Commands::Last(const std::string& producers, const std::string& lane) const {
  const auto state = store_.Get(producers, lane);
  return state ? std::stoull(*state) : 0;
}

EntryId Commands::Add(const std::string& key, std::vector<std::string> fields) {
  const Store::Stream* const stream = store_.FindStream(key);
  EntryId id{static_cast<uint64_t>(ToUnixMs(now_)), node_};
  if (stream != nullptr && id <= stream->last) {
    const uint64_t round = stream->last.number / kNodes + 1;
    id = {stream->last.milliseconds, round * kNodes + id.number};
  }
  change_(Store::Add{key, id, std::make_shared<const std::vector<std::string>>(std::move(fields))});
  return id;
}

// XREADGROUP GROUP g c COUNT n [BLOCK ms] STREAMS key… id…, each id ">" or one to go on after among the pending.
Reply Commands::ReadGroup(const Command& words) {
  const std::string& group_name = words[2];
  const std::string& consumer = words[3];
  const size_t most = std::stoull(words[5]);
  size_t at = 6;
  while (words[at] != "STREAMS") {
    ++at;
  }
  ++at;
  const size_t streams = (words.size() - at) / 2;
  std::vector<Reply> answer;
  for (size_t i = 0; i < streams; ++i) {
    const std::string& key = words[at + i];
    const std::string& after = words[at + streams + i];
    const Store::Stream* const stream = store_.FindStream(key);
    if (stream == nullptr || !stream->groups.contains(group_name)) {
      return ErrorReply("NOGROUP No such key or consumer group");
    }
    const Store::Group& group = stream->groups.at(group_name);
    std::vector<Reply> entries;
    if (after == kNew) {
      std::vector<EntryId> ids;
      for (size_t j = stream->IndexAfter(group.last_delivered); j < stream->entries.size() && ids.size() < most; ++j) {
        ids.push_back(stream->entries[j].id);
        entries.push_back(EntryReply(stream->entries[j]));
      }
      if (ids.empty()) {
        continue;
      }
      change_(Store::Deliver{key, group_name, consumer, std::move(ids)});
    } else {
      const auto begin = group.pending.upper_bound(EntryId::Parse(after).value_or(EntryId()));
      for (auto pending = begin; pending != group.pending.end() && entries.size() < most; ++pending) {
        const Store::Entry* const entry = stream->Find(pending->first);
        if (pending->second == consumer) {
          entries.push_back(entry != nullptr ? EntryReply(*entry)
                                             : ArrayReply({TextReply(pending->first.ToString()), Reply()}));
        }
      }
    }
    answer.push_back(ArrayReply({TextReply(key), ArrayReply(std::move(entries))}));
  }
  return answer.empty() ? Reply() : ArrayReply(std::move(answer));
}

Reply Commands::Acknowledge(const Command& words) {
  int64_t count = 0;
  const Store::Stream* const stream = store_.FindStream(words[1]);
  for (size_t i = 3; stream != nullptr && i < words.size(); ++i) {
    const auto group = stream->groups.find(words[2]);
    const auto id = EntryId::Parse(words[i]);
    if (group != stream->groups.end() && group->second.pending.contains(*id)) {
      change_(Store::Acknowledge{words[1], words[2], *id});
      ++count;
    }
  }
  return NumberReply(count);
}

// As `bury`, without the lease: FCALL name 3 stream lease dead-letters group session token entry, then of each dead
// letter the number of its words, and those.
Reply Commands::Bury(const Command& words) {
  for (size_t at = 10; at < words.size();) {
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    const size_t count = std::stoull(words[at]);
    Add(words[5], {begin, begin + static_cast<std::ptrdiff_t>(count)});
    at += 1 + count;
  }
  return Acknowledge({"XACK", words[3], words[6], words[9]});
}

// As `guard`: FCALL name 1 lease session token reading. A consumer's later life takes the lease over when it first
// asks.
Reply Commands::Guard(const Command& words) {
  if (!rules_.one_reading) {
    return NumberReply(1);
  }
  const std::string& lease = words[3];
  const std::pair mine(std::stoull(words[5]), std::stoull(words[6]));
  const std::string reading = words[5] + "/" + words[6];
  const auto held = store_.Get(lease, "reading");
  if (held && std::pair(std::stoull(*held), std::stoull(held->substr(held->find('/') + 1))) > mine) {
    visits_.Count(Visit::kLateReading);
    change_(Store::Set{lease, "refused", reading});
    return ErrorReply("READING a later connection of this process reads this stream");
  }
  if (held != reading) {
    change_(Store::Set{lease, "reading", reading});
  }
  return NumberReply(1);
}

}  // namespace quantum::simulation
