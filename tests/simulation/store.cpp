#include "tests/simulation/store.h"

#include <algorithm>

namespace quantum::simulation {

const Store::Entry* Store::Stream::Find(EntryId id) const {
  const auto found = std::lower_bound(entries.begin(), entries.end(), id,
                                      [](const Entry& entry, EntryId at) { return entry.id < at; });
  return found != entries.end() && found->id == id ? &*found : nullptr;
}

size_t Store::Stream::IndexAfter(EntryId id) const {
  const auto found = std::upper_bound(entries.begin(), entries.end(), id,
                                      [](EntryId at, const Entry& entry) { return at < entry.id; });
  return static_cast<size_t>(found - entries.begin());
}

void Store::Apply(const Change& change) {
  std::visit([this](const auto& each) { Do(each); }, change);
}

void Store::Do(const Add& add) {
  Stream& stream = streams_[add.stream];
  stream.entries.push_back({add.id, add.fields});
  stream.last = add.id;
}

void Store::Do(const Deliver& deliver) {
  Group& group = streams_[deliver.stream].groups[deliver.group];
  for (const EntryId id : deliver.entries) {
    group.pending[id] = deliver.consumer;
  }
  group.last_delivered = std::max(group.last_delivered, deliver.entries.back());
}

void Store::Do(const Acknowledge& acknowledge) {
  streams_[acknowledge.stream].groups[acknowledge.group].pending.erase(acknowledge.entry);
}

void Store::Do(const Trim& trim) {
  auto& entries = streams_[trim.stream].entries;
  while (!entries.empty() && entries.front().id < trim.below) {
    entries.pop_front();
  }
}

const Store::Stream* Store::FindStream(const std::string& key) const {
  const auto found = streams_.find(key);
  return found == streams_.end() ? nullptr : &found->second;
}

std::optional<std::string> Store::Get(const std::string& hash, const std::string& field) const {
  const auto values = hashes_.find(hash);
  if (values == hashes_.end()) {
    return std::nullopt;
  }
  const auto value = values->second.find(field);
  return value == values->second.end() ? std::nullopt : std::optional(value->second);
}

}  // namespace quantum::simulation
