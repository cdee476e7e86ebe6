#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/risk_safety/policy_book.h"
#include "services/risk_safety/store.h"
#include "services/risk_safety/views.h"

namespace quantum::risk_safety {

struct Verdict {
  bool approved = false;
  std::string reservation_id;  // of an approved opening
  std::vector<trading::event::Refusal> refusals;
};

// Decides a decision once: checks, atomic reservation, record and event in one transaction.
class Decider {
 public:
  struct World {
    postgres::Pool& pool;
    bus::Bus& bus;
    const Clock& clock;
    Views& views;
    const PolicyBook& policies;
    std::string mode;  // the platform's
    std::function<bool()> paused;
    std::function<EssState()> ess;
    std::function<Duration()> alone;  // how long Postgres has had no synchronous standby
  };
  Decider(World world, CheckLimits limits) : world_(std::move(world)), limits_(limits) {}

  // Within the caller's transaction, so that the effect and the event's inbox row stand or fall together. A decision
  // that was decided before gets the verdict of then and no second event, so that nothing contradicts the first; under
  // the id of another decision (other symbol, side, quantity or intent) it is refused, also without an event, and that
  // is recorded.
  // kUnavailable before the venue's rules and the positions are known: a verdict is for good, and an exit would be
  // refused as one of nothing.
  Result<Verdict> DecideWithin(postgres::Transaction& transaction, const trading::event::Decision& decision,
                               const std::string& cause);

  // The checks alone, without any side effect: POST /api/risk/check.
  Result<std::vector<trading::event::Refusal>> CheckOnly(const trading::event::Decision& decision);

 private:
  Result<ExposureView> Taken(const std::vector<Reservation>& reservations) const;
  std::vector<trading::event::Refusal> RunChecks(const trading::event::Decision& decision, const ExposureView& exposure,
                                                 int orders_last_minute, bool seen_before);
  Result<Verdict> RefuseAnother(postgres::Transaction& transaction, const trading::event::Decision& decision,
                                const trading::event::Decision& first) const;
  // Counted, logged and remembered when it is committed.
  void Committed(const trading::event::Decision& decision, const Verdict& verdict);

  World world_;
  CheckLimits limits_;
};

}  // namespace quantum::risk_safety
