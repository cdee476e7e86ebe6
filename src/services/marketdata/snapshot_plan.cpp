#include "services/marketdata/snapshot_plan.h"

#include <algorithm>

namespace quantum::marketdata {

using std::chrono::minutes;

Duration SnapshotBudget::Wait(SteadyTime now) {
  while (!asked_.empty() && now - asked_.front() >= minutes(1)) {
    asked_.pop_front();
  }
  return asked_.size() < per_minute_max_ ? Duration::zero() : asked_.front() + minutes(1) - now;
}

std::optional<Duration> SnapshotPlan::Wait(const exchange::LocalBook& book, SteadyTime now) {
  if (!CanHelp(book)) {
    return std::nullopt;
  }
  return std::max({not_before_ - now, budget_.Wait(now), Duration::zero()});
}

void SnapshotPlan::OnConnected() {
  backoff_.Reset();
  not_before_ = {};
}

}  // namespace quantum::marketdata
