#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "platform/base/clock.h"
#include "services/ai_engine/ensemble.h"

namespace quantum::ai_engine {

struct TimedBar {
  int64_t open_time = 0;  // ms, market time
  Bar bar;
};

// One symbol's ensemble, and the order of the bars that it is given: each once, ascending, without a silent hole. No
// I/O and no clock.
//
// A hole of at most kBridgedMax bars is bridged: the missing bars are taken as flat at the last close, without volume,
// so that what is measured over n bars stays what happened in n bars' time. After a longer hole nothing before it
// counts: the ensemble begins anew and wants history.
class SymbolEngine {
 public:
  static constexpr int64_t kBridgedMax = 12;

  SymbolEngine(EnsembleOptions options, int64_t interval_ms)
      : options_(options), interval_ms_(interval_ms), ensemble_(options) {}

  enum class Applied { kRepeat, kNext, kBridged, kBroken };
  // A closed bar; a repeat (its time is not after the last one's) changes nothing.
  Applied OnBar(const TimedBar& bar);

  // True from the start, and after a hole that could not be bridged, until WarmUp.
  bool wants_history() const { return wants_history_; }
  // Bars of the past, oldest first. They replace what is known unless that is newer or more.
  void WarmUp(const std::vector<TimedBar>& history);

  const Ensemble& ensemble() const { return ensemble_; }
  const std::optional<Assessment>& last() const { return last_; }  // nothing while warming up
  int64_t last_open_time() const { return last_open_time_; }

 private:
  void Update(const Bar& bar);

  EnsembleOptions options_;
  int64_t interval_ms_;
  Ensemble ensemble_;
  std::optional<Assessment> last_;
  int64_t last_open_time_ = 0;
  double last_close_ = 0;
  bool wants_history_ = true;
};

// Whether a decision may rest on a bar: its event is younger than one bar, and the market (its newest tick, by market
// time; zero: unknown) is less than one bar further than the bar's end. A backlog after a pause fails the first, a bar
// that was filled in late the second.
bool MayDecideOn(int64_t open_time, int64_t interval_ms, Duration event_age, int64_t market_ms);

}  // namespace quantum::ai_engine
