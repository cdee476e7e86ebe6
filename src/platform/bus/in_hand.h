#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quantum::bus {

// The entries of one stream that were read and are not acknowledged yet: an entry is, once all its events are through.
// It is its id and its first event: two masters may give one id to two entries, if they add in the same millisecond.
// No I/O.
class InHand {
 public:
  // An event on its way to the dead letters, with the fields that it has there.
  struct Letter {
    std::string type;
    std::vector<std::string> fields;
  };

  // False: it is here already. Another entry under its id takes its place, and waits for an acknowledgement of its own.
  bool Take(const std::string& entry, const std::string& first, size_t events = 1) {
    const auto [found, is_new] = entries_.try_emplace(entry, State{first, events, {}});
    if (!is_new && found->second.first == first) {
      return false;
    }
    if (!is_new) {
      found->second = {first, events, {}};
      std::erase(ended_, entry);
      std::erase(to_bury_, entry);
    }
    return true;
  }

  // One of its events is through; with the last of them the entry is to be acknowledged from now on.
  void End(const std::string& entry, const std::string& first) {
    const auto found = entries_.find(entry);
    if (found != entries_.end() && found->second.first == first && found->second.events_left > 0 &&
        --found->second.events_left == 0) {
      (found->second.letters.empty() ? ended_ : to_bury_).push_back(entry);
    }
  }
  // Likewise, and it is to stand among the dead letters no later than its entry is acknowledged.
  void Bury(const std::string& entry, const std::string& first, Letter letter) {
    const auto found = entries_.find(entry);
    if (found != entries_.end() && found->second.first == first && found->second.events_left > 0) {
      found->second.letters.push_back(std::move(letter));
      End(entry, first);
    }
  }

  // Something waits for its acknowledgement.
  bool ended() const { return !ended_.empty() || !to_bury_.empty(); }
  // What to acknowledge now, oldest first; then the caller tells how it went.
  std::vector<std::string> Collect(size_t max) {
    const auto end = ended_.begin() + static_cast<std::ptrdiff_t>(std::min(max, ended_.size()));
    std::vector<std::string> entries(ended_.begin(), end);
    ended_.erase(ended_.begin(), end);
    return entries;
  }
  // An entry to be acknowledged in one step with its dead letters; likewise. Nothing: there is none.
  std::optional<std::pair<std::string, std::vector<Letter>>> CollectBurial() {
    if (to_bury_.empty()) {
      return std::nullopt;
    }
    std::string entry = std::move(to_bury_.front());
    to_bury_.erase(to_bury_.begin());
    return std::pair(entry, entries_.at(entry).letters);
  }
  void Acknowledged(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      if (HasEnded(entry)) {
        entries_.erase(entry);
      }
    }
  }
  void Return(const std::vector<std::string>& entries) {
    std::vector<std::string> again;
    std::vector<std::string> bury_again;
    for (const std::string& entry : entries) {
      if (HasEnded(entry)) {
        (entries_.at(entry).letters.empty() ? again : bury_again).push_back(entry);
      }
    }
    ended_.insert(ended_.begin(), again.begin(), again.end());
    to_bury_.insert(to_bury_.begin(), bury_again.begin(), bury_again.end());
  }

 private:
  struct State {
    std::string first;  // its first event
    size_t events_left = 0;
    std::vector<Letter> letters;
  };
  bool HasEnded(const std::string& entry) const {
    const auto found = entries_.find(entry);
    return found != entries_.end() && found->second.events_left == 0;
  }

  std::map<std::string, State> entries_;
  std::vector<std::string> ended_;
  std::vector<std::string> to_bury_;
};

}  // namespace quantum::bus
