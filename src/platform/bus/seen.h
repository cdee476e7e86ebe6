#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace quantum::bus {

// Which events were applied, exactly: the newest `window` sequences of each lane, and the `lanes_max` lanes used last.
// What fell out of the window counts as not seen: delivery is at least once, so a repeat beats a loss. No I/O.
class SeenWindow {
 public:
  explicit SeenWindow(size_t window = 16'384, size_t lanes_max = 256) : window_(window), lanes_max_(lanes_max) {}

  bool Contains(const std::string& lane, uint64_t sequence) const {
    const auto found = lanes_.find(lane);
    return found != lanes_.end() && found->second.seen.contains(sequence);
  }

  void Insert(const std::string& lane, uint64_t sequence) {
    auto found = lanes_.find(lane);
    if (found == lanes_.end()) {
      if (lanes_.size() >= lanes_max_) {
        lanes_.erase(used_.back());
        used_.pop_back();
      }
      used_.push_front(lane);
      found = lanes_.emplace(lane, Entry{{}, {}, used_.begin()}).first;
    } else {
      used_.splice(used_.begin(), used_, found->second.used);
    }
    Entry& entry = found->second;
    if (!entry.seen.insert(sequence).second) {
      return;
    }
    entry.order.push_back(sequence);
    if (entry.order.size() > window_) {
      entry.seen.erase(entry.order.front());
      entry.order.pop_front();
    }
  }

 private:
  struct Entry {
    std::unordered_set<uint64_t> seen;
    std::deque<uint64_t> order;
    std::list<std::string>::iterator used;
  };
  size_t window_;
  size_t lanes_max_;
  std::unordered_map<std::string, Entry> lanes_;
  std::list<std::string> used_;  // most recent first
};

}  // namespace quantum::bus
