#include "platform/lifecycle/health_monitor.h"

namespace quantum::lifecycle {

const HealthSnapshot& HealthMonitor::Get() {
  const bool any = snapshot_.taken != SteadyTime();
  if (any && clock_.Steady() - snapshot_.taken < kFresh) {
    return snapshot_;
  }
  if (!taking_) {
    taking_ = true;
    taken_.Reset();
    main_.Spawn([self = shared_from_this()] {
      HealthSnapshot fresh = self->take_();
      self->here_.Post([self, fresh = std::move(fresh)]() mutable {
        self->snapshot_ = std::move(fresh);
        self->taking_ = false;
        self->taken_.Set();
      });
    });
  }
  taken_.WaitFor(kPatience);
  return snapshot_;
}

}  // namespace quantum::lifecycle
