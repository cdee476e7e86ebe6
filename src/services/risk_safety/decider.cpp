#include "services/risk_safety/decider.h"

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "trading/bus/registry.h"

namespace quantum::risk_safety {

namespace event = trading::event;

std::vector<event::Refusal> Decider::RunChecks(const event::Decision& decision, ExposureView exposure,
                                               bool seen_before) {
  exposure.positions = views_.positions();
  return Check({.decision = decision,
                .policy = policies_.active(),
                .limits = limits_,
                .mode = config::ToString(service_.manifest().mode()),
                .rules = views_.Rules(decision.symbol),
                .market = views_.Market(decision.symbol),
                .account = views_.Account(),
                .exposure = exposure,
                .trading_state = service_.paused() ? TradingState::kHalted : policies_.trading_state(),
                .ess = ess_.stop().record().state,
                .orders_last_minute = views_.OrdersLastMinute(),
                .seen_before = seen_before,
                .now = service_.clock().Now()});
}

Result<Verdict> Decider::DecideWithin(postgres::Transaction& transaction, const event::Decision& decision,
                                      const std::string& cause) {
  QUANTUM_TRY(ExposureView exposure, LockAndLoadExposure(transaction));
  QUANTUM_TRY(const bool seen, WasDecided(transaction, decision.decision_id));
  Verdict verdict;
  verdict.refusals = RunChecks(decision, std::move(exposure), seen);
  verdict.approved = verdict.refusals.empty();
  const bool opens = decision.intent == event::Intent::kOpen;
  std::vector<bus::Event> events;
  if (verdict.approved) {
    if (opens) {
      verdict.reservation_id = "r-" + decision.decision_id;
      QUANTUM_CHECK(Reserve(transaction, verdict.reservation_id, decision));
    }
    events.push_back(event::Make(event::kRiskApproved, decision.symbol,
                                 event::ToJson(event::Approval{.decision = decision,
                                                               .reservation_id = verdict.reservation_id,
                                                               .policy_version = policies_.active().version}),
                                 cause));
  } else {
    events.push_back(event::Make(event::kRiskRejected, decision.symbol,
                                 event::ToJson(event::Rejection{.decision_id = decision.decision_id,
                                                                .symbol = decision.symbol,
                                                                .refusals = verdict.refusals}),
                                 cause));
  }
  if (!seen) {
    QUANTUM_CHECK(RecordDecision(transaction, decision, CurrentCorrelationId(), verdict.refusals));
  }
  QUANTUM_CHECK(service_.bus().PublishWithin(transaction, std::move(events)));
  if (verdict.approved && opens) {
    views_.OnOrder();
  }
  Count(verdict.refusals);
  log::Info(verdict.approved ? "decision approved" : "decision refused",
            {{"decision_id", decision.decision_id},
             {"symbol", decision.symbol},
             {"intent", event::ToString(decision.intent)},
             {"refusals", log::Field::Json{RefusalsJson(verdict.refusals)}}});
  return verdict;
}

Result<std::vector<event::Refusal>> Decider::CheckOnly(const event::Decision& decision) {
  QUANTUM_TRY(ExposureView exposure, LoadExposure(service_.postgres()));
  return RunChecks(decision, std::move(exposure), false);
}

void Decider::Count(const std::vector<event::Refusal>& refusals) const {
  metrics::GetCounter(metrics::kRiskChecks, {{"check_type", "pre_trade"}, {"result", refusals.empty() ? "pass" : "fail"}})
      .Add();
  for (const event::Refusal& refusal : refusals) {
    metrics::GetCounter(metrics::kPolicyViolations, {{"policy_name", refusal.code}, {"severity", "refused"}}).Add();
  }
}

}  // namespace quantum::risk_safety
