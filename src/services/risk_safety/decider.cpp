#include "services/risk_safety/decider.h"

#include <fmt/format.h>

#include <set>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "trading/bus/registry.h"

namespace quantum::risk_safety {
namespace {

namespace event = trading::event;

std::string ReservationOf(const event::Decision& decision) {
  return decision.intent == event::Intent::kOpen ? "r-" + decision.decision_id : std::string();
}

// Whether a repeat wants the same. Its prices and expiry may be of another moment: an order by hand that is asked for
// again is priced again.
bool SameWish(const event::Decision& a, const event::Decision& b) {
  return a.symbol == b.symbol && a.intent == b.intent && a.side == b.side && a.quantity == b.quantity;
}

std::string WishOf(const event::Decision& decision) {
  return fmt::format("{} {} {} {}", event::ToString(decision.intent), trading::ToString(decision.side),
                     decision.quantity.ToString(), decision.symbol);
}

Verdict VerdictOfThen(const Decided& then) {
  Verdict verdict;
  verdict.approved = then.refusals.empty();
  verdict.refusals = then.refusals;
  verdict.reservation_id = verdict.approved ? ReservationOf(then.decision) : std::string();
  return verdict;
}

void CountRefusals(const std::vector<event::Refusal>& refusals, const std::string& policy) {
  for (const event::Refusal& refusal : refusals) {
    metrics::GetCounter(metrics::kRefusals, {{"code", trading::RefusalLabel(refusal.code)}}).Add();
    metrics::GetCounter(metrics::kPolicyViolations, {{"policy_name", policy}, {"severity", "refused"}}).Add();
  }
}

void CountChecks(const event::Decision& decision, const std::vector<event::Refusal>& refusals) {
  std::set<std::string_view> failed;
  for (const event::Refusal& refusal : refusals) {
    failed.insert(CheckTypeOf(refusal.code));
  }
  for (const std::string_view type : CheckTypes(decision.intent)) {
    metrics::GetCounter(metrics::kRiskChecks,
                        {{"check_type", std::string(type)}, {"result", failed.contains(type) ? "fail" : "pass"}})
        .Add();
  }
}

}  // namespace

Result<ExposureView> Decider::Taken(const std::vector<Reservation>& reservations) const {
  const auto account = world_.views.Account();
  return MakeExposure(reservations, world_.views.Held(), account ? account->as_of : WallTime{});
}

std::vector<event::Refusal> Decider::RunChecks(const event::Decision& decision, const ExposureView& exposure,
                                               int orders_last_minute, bool seen_before) {
  return Check({.decision = decision,
                .policy = world_.policies.active(),
                .limits = limits_,
                .mode = world_.mode,
                .rules = world_.views.Rules(decision.symbol),
                .market = world_.views.Market(decision.symbol),
                .account = world_.views.Account(),
                .exposure = exposure,
                .trading_state = world_.paused() ? TradingState::kHalted : world_.policies.trading_state(),
                .ess = world_.ess(),
                .orders_last_minute = orders_last_minute,
                .alone = world_.alone(),
                .seen_before = seen_before,
                .now = world_.clock.Now()});
}

Result<Verdict> Decider::DecideWithin(postgres::Transaction& transaction, const event::Decision& decision,
                                      const std::string& cause) {
  QUANTUM_TRY(const Books books, LockAndLoad(transaction, decision.decision_id));
  const auto& [reservations, of_this_transaction, then] = books;
  if (then && !SameWish(decision, then->decision)) {
    return RefuseAnother(transaction, decision, then->decision);
  }
  if (then) {
    log::Warning("decided before: the verdict of then stands", {{"decision_id", decision.decision_id}});
    return VerdictOfThen(*then);
  }
  if (!world_.views.has_rules() || !world_.views.positions_known()) {
    return Error{Errc::kUnavailable, world_.views.has_rules() ? "the positions are not known yet"
                                                              : "the venue's trading rules are not known yet"};
  }
  QUANTUM_TRY(const ExposureView exposure, Taken(reservations));
  Verdict verdict;
  verdict.refusals = RunChecks(decision, exposure, world_.views.OrdersLastMinute() + of_this_transaction, false);
  verdict.approved = verdict.refusals.empty();
  std::vector<bus::Event> events;
  if (verdict.approved) {
    verdict.reservation_id = ReservationOf(decision);
    if (!verdict.reservation_id.empty()) {
      Reserve(transaction, verdict.reservation_id, decision);
    }
    events.push_back(event::Make(event::kRiskApproved, decision.symbol,
                                 event::ToJson(event::Approval{.decision = decision,
                                                               .reservation_id = verdict.reservation_id,
                                                               .policy_version = world_.policies.active().version}),
                                 cause));
  } else {
    events.push_back(
        event::Make(event::kRiskRejected, decision.symbol,
                    event::ToJson(event::Rejection{
                        .decision_id = decision.decision_id, .symbol = decision.symbol, .refusals = verdict.refusals}),
                    cause));
  }
  RecordDecision(transaction, decision, CurrentCorrelationId(), verdict.refusals);
  QUANTUM_CHECK(world_.bus.PublishWithin(transaction, std::move(events)));
  transaction.AfterCommit([this, decision, verdict] { Committed(decision, verdict); });
  if (!verdict.reservation_id.empty()) {
    // One too many for a minute rather than one too few.
    transaction.WhenUnknown([this, id = decision.decision_id] { world_.views.OnOrder(id, world_.clock.Now()); });
  }
  return verdict;
}

Result<Verdict> Decider::RefuseAnother(postgres::Transaction& transaction, const event::Decision& decision,
                                       const event::Decision& first) const {
  Verdict verdict;
  verdict.refusals = {{"DUPLICATE_DECISION", fmt::format("decision_id={} decided={} got={}", decision.decision_id,
                                                         WishOf(first), WishOf(decision))}};
  RecordRefused(transaction, decision, CurrentCorrelationId(), verdict.refusals);
  transaction.AfterCommit([this, refusals = verdict.refusals] {
    CountRefusals(refusals, world_.policies.active().name);
    log::Warning("another decision under an id that was decided",
                 {{"refusals", log::Field::Json{RefusalsJson(refusals)}}});
  });
  return verdict;
}

void Decider::Committed(const event::Decision& decision, const Verdict& verdict) {
  if (!verdict.reservation_id.empty()) {
    world_.views.OnOrder(decision.decision_id, world_.clock.Now());
  }
  CountChecks(decision, verdict.refusals);
  CountRefusals(verdict.refusals, world_.policies.active().name);
  log::Info(verdict.approved ? "decision approved" : "decision refused",
            {{"decision_id", decision.decision_id},
             {"symbol", decision.symbol},
             {"intent", event::ToString(decision.intent)},
             {"refusals", log::Field::Json{RefusalsJson(verdict.refusals)}}});
}

Result<std::vector<event::Refusal>> Decider::CheckOnly(const event::Decision& decision) {
  QUANTUM_TRY(const std::vector<Reservation> reservations, LoadReservations(world_.pool));
  QUANTUM_TRY(const auto then, LoadDecided(world_.pool, decision.decision_id));
  QUANTUM_TRY(const ExposureView exposure, Taken(reservations));
  return RunChecks(decision, exposure, world_.views.OrdersLastMinute(), then.has_value());
}

}  // namespace quantum::risk_safety
