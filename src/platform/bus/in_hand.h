#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace quantum::bus {

// The entries of one stream that were read and are not acknowledged yet. An entry is its id and its event: two masters
// may give one id to two events, if they add in the same millisecond. No I/O.
class InHand {
 public:
  // False: it is here already. Another event under its id takes its place, and waits for an acknowledgement of its own.
  bool Take(const std::string& entry, const std::string& event) {
    const auto [found, is_new] = entries_.try_emplace(entry, State{event});
    if (!is_new && found->second.event == event) {
      return false;
    }
    if (!is_new) {
      found->second = {event};
      std::erase(ended_, entry);
    }
    return true;
  }

  // To be acknowledged from now on.
  void End(const std::string& entry, const std::string& event) {
    const auto found = entries_.find(entry);
    if (found != entries_.end() && found->second.event == event && !found->second.ended) {
      found->second.ended = true;
      ended_.push_back(entry);
    }
  }
  // The broker acknowledged it by itself.
  void Drop(const std::string& entry, const std::string& event) {
    const auto found = entries_.find(entry);
    if (found != entries_.end() && found->second.event == event) {
      entries_.erase(found);
    }
  }

  bool ended() const { return !ended_.empty(); }  // something waits for its acknowledgement
  // What to acknowledge now, oldest first; then the caller tells how it went.
  std::vector<std::string> Collect(size_t max) {
    const auto end = ended_.begin() + static_cast<std::ptrdiff_t>(std::min(max, ended_.size()));
    std::vector<std::string> entries(ended_.begin(), end);
    ended_.erase(ended_.begin(), end);
    return entries;
  }
  void Acknowledged(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      const auto found = entries_.find(entry);
      if (found != entries_.end() && found->second.ended) {
        entries_.erase(found);
      }
    }
  }
  void Return(const std::vector<std::string>& entries) {
    std::vector<std::string> again;
    for (const std::string& entry : entries) {
      const auto found = entries_.find(entry);
      if (found != entries_.end() && found->second.ended) {
        again.push_back(entry);
      }
    }
    ended_.insert(ended_.begin(), again.begin(), again.end());
  }

 private:
  struct State {
    std::string event;
    bool ended = false;
  };
  std::map<std::string, State> entries_;
  std::vector<std::string> ended_;
};

}  // namespace quantum::bus
