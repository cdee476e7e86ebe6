#pragma once

#include <functional>
#include <set>
#include <string>

#include "platform/bus/consumer.h"
#include "platform/bus/quota.h"
#include "platform/bus/trimming.h"

namespace quantum::bus {

// Measures how far the groups are behind, holds the streams to their memory quotas, and takes away what nobody needs
// any more: entries that every group has done, names of consumers that no process owns, inbox rows after seven days,
// incarnations that have been silent as long. One fiber.
class Janitor {
 public:
  Janitor(Context context, std::function<Bus::Health()> health) : context_(context), health_(std::move(health)) {}

  void Watch(const std::string& family, const std::string& group) {
    watched_.emplace(family, group);
    families_.insert(family);
  }
  // A stream that this process publishes to.
  void Tend(const std::string& family) { families_.insert(family); }
  void Run();  // the fiber's body; returns after Stop()
  void Stop() { stop_.Set(); }
  // Why nobody may publish: the broker is full. Empty while it is not.
  const std::string& full() const { return full_; }

 private:
  void Measure();
  void HoldToQuotas();
  void HoldToQuota(const std::string& family, int64_t quota, const std::optional<std::string>& full);
  std::vector<Laggard> Laggards(const std::string& family);
  void DropConsumersThatAreGone(const std::string& family, const std::string& group);
  void Trim(const std::string& family, Duration keep);
  std::optional<std::vector<GroupPosition>> Positions(const std::string& family);
  void Forget();

  Context context_;
  const std::function<Bus::Health()> health_;
  std::set<std::pair<std::string, std::string>> watched_;  // family, group
  std::set<std::string> families_;
  std::string full_;
  fiber::Event stop_;
};

}  // namespace quantum::bus
