#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "platform/bus/event.h"

namespace quantum::bus {

// A queue in which only the newest event of each key waits. Putting never blocks; beyond keys_max the key that has
// waited longest is dropped. No I/O.
class NewestQueue {
 public:
  explicit NewestQueue(size_t keys_max) : keys_max_(keys_max) {}

  struct Dropped {
    std::string type;
    bool superseded = false;  // by a newer event of its key; else the queue was full
  };

  // What had to go for it.
  std::optional<Dropped> Put(Event event) {
    std::string slot = event.type + '\0' + event.key;
    const auto found = newest_.find(slot);
    if (found != newest_.end()) {
      Dropped dropped{.type = event.type, .superseded = true};
      found->second = std::move(event);
      return dropped;
    }
    std::optional<Dropped> dropped;
    if (order_.size() >= keys_max_) {
      dropped = {.type = newest_.extract(order_.front()).mapped().type};
      order_.pop_front();
    }
    order_.push_back(slot);
    newest_.emplace(std::move(slot), std::move(event));
    return dropped;
  }

  std::optional<Event> Take() {
    if (order_.empty()) {
      return std::nullopt;
    }
    auto node = newest_.extract(order_.front());
    order_.pop_front();
    return std::move(node.mapped());
  }

  size_t size() const { return order_.size(); }

 private:
  size_t keys_max_;
  std::deque<std::string> order_;
  std::map<std::string, Event> newest_;
};

}  // namespace quantum::bus
