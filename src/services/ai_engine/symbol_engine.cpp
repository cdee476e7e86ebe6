#include "services/ai_engine/symbol_engine.h"

namespace quantum::ai_engine {

void SymbolEngine::Update(const Bar& bar) {
  last_ = ensemble_.Update(bar);
  last_close_ = bar.close;
}

SymbolEngine::Applied SymbolEngine::OnBar(const TimedBar& bar) {
  if (bar.open_time <= last_open_time_) {
    return Applied::kRepeat;
  }
  const bool first = last_open_time_ == 0;
  const int64_t missing = first ? 0 : (bar.open_time - last_open_time_) / interval_ms_ - 1;
  if (missing > kBridgedMax) {
    ensemble_ = Ensemble(options_);
    wants_history_ = true;
  } else if (ensemble_.features().bars() > 0) {
    const Bar flat{.open = last_close_, .high = last_close_, .low = last_close_, .close = last_close_};
    for (int64_t i = 0; i < missing; ++i) {
      Update(flat);
    }
  }
  Update(bar.bar);
  last_open_time_ = bar.open_time;
  return missing > kBridgedMax ? Applied::kBroken : missing > 0 ? Applied::kBridged : Applied::kNext;
}

void SymbolEngine::WarmUp(const std::vector<TimedBar>& history) {
  if (!history.empty() && history.back().open_time < last_open_time_) {
    return;  // older than what is known: the next one will not be
  }
  SymbolEngine rebuilt(options_, interval_ms_);
  for (const TimedBar& bar : history) {
    rebuilt.OnBar(bar);
  }
  if (rebuilt.ensemble_.features().bars() > ensemble_.features().bars()) {
    *this = std::move(rebuilt);
  }
  wants_history_ = false;
}

bool MayDecideOn(int64_t open_time, int64_t interval_ms, Duration event_age, int64_t market_ms) {
  const bool event_fresh = event_age < std::chrono::milliseconds(interval_ms);
  const bool market_near = market_ms == 0 || market_ms - (open_time + interval_ms) < interval_ms;
  return event_fresh && market_near;
}

}  // namespace quantum::ai_engine
