#pragma once

#include <string>
#include <vector>

#include "platform/lifecycle/service.h"
#include "services/risk_safety/ess_keeper.h"
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
  Decider(lifecycle::Service& service, Views& views, const PolicyBook& policies, const EssKeeper& ess,
          CheckLimits limits)
      : service_(service), views_(views), policies_(policies), ess_(ess), limits_(limits) {}

  // Within the caller's transaction, so that the effect and the event's inbox row stand or fall together.
  Result<Verdict> DecideWithin(postgres::Transaction& transaction, const trading::event::Decision& decision,
                               const std::string& cause);

  // The checks alone, without any side effect: POST /api/risk/check.
  Result<std::vector<trading::event::Refusal>> CheckOnly(const trading::event::Decision& decision);

 private:
  std::vector<trading::event::Refusal> RunChecks(const trading::event::Decision& decision, ExposureView exposure,
                                                 bool seen_before);
  void Count(const std::vector<trading::event::Refusal>& refusals) const;

  lifecycle::Service& service_;
  Views& views_;
  const PolicyBook& policies_;
  const EssKeeper& ess_;
  CheckLimits limits_;
};

}  // namespace quantum::risk_safety
