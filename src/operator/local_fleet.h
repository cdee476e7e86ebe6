#pragma once

#include <functional>
#include <string>
#include <vector>

#include "operator/fleet.h"
#include "operator/state/layout.h"

namespace quantum::operate {

// The units under the local supervisor, over run/supervisor.sock. Each call is a connection of its own and blocks.
class LocalFleet final : public Fleet {
 public:
  using OnChange = std::function<void(const UnitStatus&)>;

  explicit LocalFleet(Layout layout) : layout_(std::move(layout)) {}

  bool Running() const;                             // a supervisor answers
  Result<std::vector<UnitStatus>> List() override;  // kUnavailable: it does not run
  Status Start(const std::string& unit) override { return Ask("start", unit, {}); }
  Status Stop(const std::string& unit) override { return Ask("stop", unit, {}); }
  Status Restart(const std::string& unit) override { return Ask("restart", unit, {}); }
  Status StopAll() override { return StopAll(OnChange()); }

  Status StopAll(const OnChange& on_change) { return Ask("down", {}, on_change); }
  // Until everything is ready, or the start has failed.
  Status Watch(const OnChange& on_change) { return Ask("watch", {}, on_change); }

 private:
  Status Ask(const std::string& op, const std::string& unit, const OnChange& on_change);

  Layout layout_;
  std::vector<UnitStatus> units_;  // of the last answer
};

}  // namespace quantum::operate
