#include "platform/bus/offers.h"

namespace quantum::bus {

std::string LaneName(const Lane& lane) { return lane.family + "/" + lane.incarnation; }

bool Offers::Put(const std::string& family, EventPtr event) {
  if (size_ >= events_max_) {
    return false;
  }
  Lane lane{event->producer, event->incarnation, family};
  const std::string name = LaneName(lane);
  Line& line = lines_.try_emplace(name, Line{std::move(lane), {}}).first->second;
  const bool added = line.events.emplace(event->sequence, std::move(event)).second;
  size_ += added ? 1 : 0;
  return added;
}

std::vector<Batch> Offers::Take(const std::map<std::string, uint64_t>& held, size_t batch_max) {
  std::vector<Batch> batches;
  for (auto line = lines_.begin(); line != lines_.end();) {
    const auto known = held.find(line->first);
    if (known == held.end()) {
      ++line;
      continue;
    }
    auto& events = line->second.events;
    const auto first = events.upper_bound(known->second);
    auto end = first;
    Batch batch{line->second.lane, {}, false};
    for (uint64_t next = known->second + 1;
         end != events.end() && end->first == next && batch.events.size() < batch_max; ++end, ++next) {
      batch.events.push_back(end->second);
    }
    size_ -= static_cast<size_t>(std::distance(events.begin(), end));
    events.erase(events.begin(), end);
    if (!batch.events.empty()) {
      batches.push_back(std::move(batch));
    }
    line = events.empty() ? lines_.erase(line) : std::next(line);
  }
  return batches;
}

void Offers::Clear() {
  lines_.clear();
  size_ = 0;
}

}  // namespace quantum::bus
