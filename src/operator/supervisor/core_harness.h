#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "operator/supervisor/core.h"

// For the tests of SupervisorCore: units as the manifest gives them, and a shell without processes.
namespace quantum::operate {

inline config::Unit MakeUnit(const std::string& name, std::vector<std::string> depends = {}) {
  config::Unit unit;
  unit.name = name;
  unit.command = {"/bin/" + name};
  unit.depends = std::move(depends);
  unit.ready = {
      .kind = config::Probe::Kind::kTcp, .target = {}, .arguments = {}, .interval = std::chrono::milliseconds(100)};
  return unit;
}

inline config::Unit Live(config::Unit unit) {
  unit.live = {.kind = config::Probe::Kind::kHttp,
               .target = "/health/live",
               .arguments = {},
               .interval = std::chrono::seconds(30)};
  return unit;
}

inline config::Unit Task(config::Unit unit) {
  unit.kind = config::Unit::Kind::kTask;
  unit.ready = {};
  return unit;
}

// A core whose processes start at once (pids counted up) and whose probes are answered by the test.
class Harness {
 public:
  explicit Harness(std::vector<config::Unit> units) : core(std::move(units), clock) {}

  // Performs what is due; returns what was spawned.
  std::vector<std::string> Step() {
    std::vector<std::string> spawned;
    for (bool acted = true; acted;) {
      const std::vector<Action> actions = core.Advance();
      acted = !actions.empty();
      for (const Action& action : actions) {
        if (action.kind == Action::Kind::kSpawn) {
          spawned.push_back(action.unit);
          core.Spawned(action.unit, ++last_pid);
        } else if (action.kind == Action::Kind::kSignal) {
          signals.emplace_back(action.unit, action.signal);
        } else if (action.kind == Action::Kind::kProbe) {
          probes.emplace_back(action.unit, action.liveness);
          if (answer_probes) {
            core.Probed(action.unit, action.liveness, !deaf, deaf ? "no answer" : "");
          }
        }
      }
    }
    return spawned;
  }

  std::vector<std::string> StepAfter(Duration time) {
    clock.Advance(time);
    return Step();
  }

  void StartEverything() {
    core.StartAll();
    for (int i = 0; i < 20; ++i) {
      StepAfter(std::chrono::milliseconds(50));
    }
    ASSERT_TRUE(core.all_ready());
    ASSERT_FALSE(core.starting_up());
  }

  State StateOf(const std::string& name) const { return core.Find(name).state; }

  ManualClock clock;
  SupervisorCore core;
  int last_pid = 100;
  bool answer_probes = true;
  bool deaf = false;
  std::vector<std::pair<std::string, int>> signals;
  std::vector<std::pair<std::string, bool>> probes;
};

}  // namespace quantum::operate
