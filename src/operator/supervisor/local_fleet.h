#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "operator/fleet.h"
#include "operator/state/layout.h"

namespace quantum::operate {

// The units under the local supervisor, over run/supervisor.sock. Each call is a connection of its own and blocks.
class LocalFleet final : public Fleet {
 public:
  using OnChange = std::function<void(const UnitStatus&)>;

  // What the supervisor said beside its refusal.
  struct Refusal {
    std::string unit;        // the cause; empty: none in particular
    std::string what;        // the sentence's end after the unit's name, or the whole sentence
    std::string last_words;  // what the unit has printed since it was started
    bool stopped = false;    // everything is
    bool disk_full = false;  // that of the state directory was, while everything started
  };

  // `interrupted`: asked several times a second while an answer is awaited; true ends the wait with kCancelled.
  explicit LocalFleet(Layout layout, std::function<bool()> interrupted = {})
      : layout_(std::move(layout)), interrupted_(std::move(interrupted)) {}

  bool Running() const;                             // a supervisor answers
  Result<std::vector<UnitStatus>> List() override;  // kUnavailable: it does not run
  Status Start(const std::string& unit) override { return Ask("start", unit, {}); }
  Status Stop(const std::string& unit) override { return Ask("stop", unit, {}); }
  Status Restart(const std::string& unit) override { return Ask("restart", unit, {}); }
  Status StopAll() override { return StopAll(OnChange()); }

  Status StopAll(const OnChange& on_change) { return Ask("down", {}, on_change); }
  // Until everything is ready; an error when something will not be, a failed start being stopped again by then.
  // kUnavailable: the supervisor went away in between (its keeper brings it back).
  Status Watch(const OnChange& on_change) { return Ask("watch", {}, on_change); }
  const std::optional<Refusal>& refusal() const { return refusal_; }  // of the last call

 private:
  Status Ask(const std::string& op, const std::string& unit, const OnChange& on_change);

  Layout layout_;
  std::function<bool()> interrupted_;
  std::optional<Refusal> refusal_;
  std::vector<UnitStatus> units_;  // of the last answer
};

}  // namespace quantum::operate
