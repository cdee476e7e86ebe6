#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "platform/lifecycle/health.h"

namespace quantum::lifecycle {

// Asks all dependencies at once, each in a fiber of its own, and waits at most a second. For fibers of one loop.
class DependencyChecks {
 public:
  struct Check {
    std::string name;
    Duration slow{};
    bool required = true;
    std::function<Result<std::string>()> ask;  // details as a JSON object, or empty
    // Details that are told also when the answer is an error; null: there are none. May not wait.
    std::function<std::string()> always = {};
  };

  DependencyChecks(fiber::Loop& loop, const Clock& clock, Duration deadline = std::chrono::seconds(1))
      : loop_(loop), clock_(clock), deadline_(deadline) {}

  void Add(Check check);

  // Above which answer's time each is DEGRADED, by name.
  std::map<std::string, Duration> Slow() const;

  // One that has not answered in time is DOWN and is not asked again before it has.
  std::map<std::string, DependencyHealth> Ask();

 private:
  struct Entry {
    Check check;
    bool asking = false;
    SteadyTime asked{};
    DependencyHealth answer;
  };
  struct Round {
    size_t open = 0;
    fiber::Event done;
  };
  void AskOne(const std::shared_ptr<Entry>& entry, const std::shared_ptr<Round>& round);

  fiber::Loop& loop_;
  const Clock& clock_;
  const Duration deadline_;
  std::vector<std::shared_ptr<Entry>> entries_;  // shared with the fibers that ask
};

}  // namespace quantum::lifecycle
