#include "services/execution/entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "services/execution/store.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
namespace event = trading::event;
using trading::OrderStatus;

constexpr Duration kConfigTrusted = 1min;  // somebody may change it by hand

void SayRepeated(const Decision& decision) {
  log::Warning("a decision came a second time and is not carried out again", {{"decision_id", decision.decision_id}});
}

}  // namespace

Result<Entries::Judged> Entries::Judge(const Approval& approval, const bus::Event& event) {
  Judged judged;
  const Decision& decision = approval.decision;
  if (decision.decision_id.empty()) {
    return Error{Errc::kInvalidArgument, "field 'decision.decision_id' is empty"};
  }
  if (!decision.quantity.is_positive()) {
    return Error{Errc::kInvalidArgument,
                 "field 'decision.quantity' must be positive, got " + decision.quantity.ToString()};
  }
  if (!desk_.reconciled) {
    return Error{Errc::kUnavailable, "orders are not reconciled with the venue yet"};
  }
  if (decision.intent != event::Intent::kClose && !desk_.SymbolSettled(decision.symbol)) {
    return Error{Errc::kUnavailable, decision.symbol + " is not reconciled with the venue yet"};
  }
  if (desk_.draining) {
    return Error{Errc::kUnavailable, "execution is stopping; the approval is delivered again"};
  }
  if (gate_.inside() >= desk_.settings.sends_max) {
    return Error{Errc::kUnavailable, "too many approvals are being carried out"};
  }
  const std::string correlation_id = event.correlation_id.empty() ? CurrentCorrelationId() : event.correlation_id;

  const WallTime now = desk_.Now();
  judged.refusal = RefusedBy(desk_.GatesFor(decision.symbol), decision);
  const bool withdrawn = judged.refusal && judged.refusal->code != "MODE_MISMATCH";
  judged.forgotten = WallTime(std::chrono::nanoseconds(event.timestamp_ns)) < desk_.set_back;
  if (judged.forgotten && withdrawn) {
    judged.refusal.reset();  // the venue is asked before anything is said of it
  }
  if (!judged.refusal) {
    auto made = MakePlan(approval, desk_.RulesOf(decision.symbol), correlation_id, now);
    if (auto* bad = std::get_if<Refusal>(&made)) {
      judged.refusal = *bad;
    } else {
      judged.plan = std::get<Plan>(std::move(made));
    }
  }
  if (judged.refusal) {
    judged.plan = MakeRefusedPlan(approval, *judged.refusal, withdrawn, correlation_id, now);
  }
  return judged;
}

Status Entries::OnApproval(const bus::Event& event, postgres::Transaction& transaction) {
  QUANTUM_TRY(const Approval approval, event::ParseApproval(event.payload));
  QUANTUM_TRY(Judged judged, Judge(approval, event));
  if (judged.refusal) {
    return RecordRefusal(approval, *judged.refusal, judged.plan, event, transaction);
  }
  auto entered = gate_.Enter();
  if (!entered) {
    return Error{Errc::kUnavailable, "execution is stopping; the approval is delivered again"};
  }
  struct Attempt {
    Judged judged;
    Decision decision;
    fiber::Gate::Pass pass;
    bool first = false;
  };
  const auto attempt = std::make_shared<Attempt>(std::move(judged), approval.decision, std::move(*entered));
  const Plan& plan = attempt->judged.plan;
  // All of it travels with COMMIT, whose answer is therefore all that tells whether it began.
  transaction.Queue(lease_.Fence());
  transaction.Queue(RecordPlan(plan, desk_.settings.mode, lease_.token()),
                    [attempt](const postgres::Rows& recorded) { attempt->first = !recorded.empty(); });
  const auto execute = [this, attempt](const std::function<bool()>& is_ours) {
    desk_.Spawn([this, attempt, is_ours] {
      const CorrelationScope scope(attempt->judged.plan.orders.front().correlation_id);
      if (is_ours()) {
        Execute(attempt->judged.plan, attempt->decision, attempt->judged.forgotten);
      }
    });
  };
  transaction.AfterCommit([attempt, execute] {
    if (attempt->first) {
      execute([] { return true; });
    } else {
      SayRepeated(attempt->decision);
    }
  });
  transaction.WhenUnknown(
      [this, attempt, execute] { execute([this, attempt] { return MakeSure(attempt->judged.plan); }); });
  return {};
}

Status Entries::RecordRefusal(const Approval& approval, const Refusal& refusal, const Plan& plan,
                              const bus::Event& cause, postgres::Transaction& transaction) {
  QUANTUM_TRY(const auto rows,
              transaction.Batch({lease_.Fence(), RecordPlan(plan, desk_.settings.mode, lease_.token())}));
  if (rows.at(1).empty()) {
    SayRepeated(approval.decision);
    return {};
  }
  log::Warning("an approved decision is refused", {{"decision_id", approval.decision.decision_id},
                                                   {"symbol", approval.decision.symbol},
                                                   {"code", refusal.code},
                                                   {"detail", refusal.detail}});
  transaction.AfterCommit([refusal] { CountRefusal(refusal); });
  std::vector<bus::Event> events;
  for (const Order& order : plan.orders) {
    if (auto made = OrderEvent(order)) {
      made->cause = cause.id;
      events.push_back(std::move(*made));
    }
  }
  return bus_.PublishWithin(transaction, std::move(events));
}

void Entries::Send(const std::string& client_order_id, const Decision& decision) {
  if (decision.intent == event::Intent::kClose) {
    SendClose(client_order_id, decision);
  } else {
    SendEntry(client_order_id, decision);
  }
}

void Entries::Execute(const Plan& plan, const Decision& decision, bool forgotten) {
  const std::string& id = plan.orders.front().client_order_id;
  if (desk_.ledger.FindOrder(id) != nullptr) {
    return;  // another attempt at it has begun
  }
  desk_.ledger.Adopt(plan);
  if (forgotten && sender_.AskUntilKnown(id, desk_.VenueNow()) != Sender::Finding::kAbsent) {
    // It was sent, and its report is applied. Its stop and take-profit may have been placed, and be over.
    for (auto order = plan.orders.begin() + 1; order != plan.orders.end(); ++order) {
      static_cast<void>(sender_.AskUntilKnown(order->client_order_id, desk_.VenueNow()));
    }
    return;
  }
  if (forgotten && decision.intent == event::Intent::kClose) {
    // What it was to close may be another position by now (pains.md 1).
    desk_.Commit(desk_.ledger.Discard(id, "NEVER_SENT: the database was set back since", desk_.Now()));
    return;
  }
  Send(id, decision);
}

bool Entries::MakeSure(const Plan& plan) {
  const std::vector<postgres::Statement> statements{lease_.Fence(),
                                                    RecordPlan(plan, desk_.settings.mode, lease_.token()),
                                                    AwaitStandby(), AskWhetherRecorded(plan, lease_.token())};
  while (!desk_.stopping.is_set()) {
    const auto rows = pool_.Batch(statements, {.idempotent = true});
    if (rows.ok()) {
      return !rows->back().empty();
    }
    log::Warning("an intent may be committed or not, and cannot be made sure of",
                 {{"client_order_id", plan.orders.front().client_order_id}, {"error", rows.error().message}});
    if (rows.error().code == Errc::kCancelled) {
      return false;  // another process writes for the account
    }
    desk_.stopping.WaitFor(500ms);
  }
  return false;
}

void Entries::SendEntry(const std::string& client_order_id, const Decision& decision) {
  const std::lock_guard lane(lanes_[decision.symbol]);
  if (RefusedBy(desk_.GatesFor(decision.symbol), decision) == std::nullopt) {
    if (const Status set = EnsureConfig(decision.symbol, decision.leverage); !set.ok()) {
      log::Error("leverage and margin mode cannot be made sure of, so that the entry is not sent",
                 {{"symbol", decision.symbol}, {"error", set.error().message}});
      const std::string reason = "LEVERAGE_NOT_SET: " + set.error().message;
      const bool refused = set.error().code == Errc::kInvalidArgument || set.error().code == Errc::kPermission;
      desk_.Commit(refused ? desk_.ledger.MarkRejected(client_order_id, reason, desk_.Now())
                           : desk_.ledger.Discard(client_order_id, reason, desk_.Now()));
      return;
    }
  }
  // Looked at again: it may have waited, and a halt may have come.
  if (const auto refusal = RefusedBy(desk_.GatesFor(decision.symbol), decision)) {
    log::Warning("an entry is withdrawn before it was sent",
                 {{"client_order_id", client_order_id}, {"code", refusal->code}, {"detail", refusal->detail}});
    desk_.Commit(desk_.ledger.Discard(client_order_id, refusal->code + ": " + refusal->detail, desk_.Now()));
    return;
  }
  sender_.Submit(client_order_id);
  desk_.halt.Look(desk_.Now());
  if (desk_.halt.record()) {
    // The halt came while it was on its way; what cannot be cancelled now is tried every second.
    static_cast<void>(sender_.Cancel(client_order_id));
  }
}

void Entries::SendClose(const std::string& client_order_id, const Decision& decision) {
  const Decimal position = desk_.ledger.PositionOf(decision.symbol).quantity;
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  const Decimal others = desk_.ledger.Closing(decision.symbol) - order->quantity;
  const Decimal available = position.Abs() - others;
  const bool reduces = !position.is_zero() && position.is_positive() != (order->side == Side::kBuy);
  if (!reduces || !available.is_positive()) {
    desk_.Commit(desk_.ledger.Discard(
        client_order_id, "NOTHING_TO_CLOSE: position=" + position.ToString() + " closing=" + others.ToString(),
        desk_.Now()));
    return;
  }
  if (auto refusal = RefusedBy(desk_.GatesFor(decision.symbol), decision)) {
    desk_.Commit(desk_.ledger.Discard(client_order_id, refusal->code + ": " + refusal->detail, desk_.Now()));
    return;
  }
  desk_.Commit(desk_.ledger.Resize(client_order_id, std::min(order->quantity, available), desk_.Now()));
  sender_.Submit(client_order_id);
}

Status Entries::EnsureConfig(const std::string& symbol, int leverage) {
  const SteadyTime now = desk_.clock.Steady();
  if (const auto known = configs_.find(symbol);
      known != configs_.end() && known->second.config.leverage == leverage && now - known->second.at < kConfigTrusted) {
    return {};
  }
  configs_.erase(symbol);  // without an answer it may be the old one or the new one
  QUANTUM_TRY(exchange::SymbolConfig config, desk_.venue.GetSymbolConfig(symbol));
  if (config.margin_type != desk_.settings.margin_type) {
    QUANTUM_CHECK(desk_.venue.SetMarginType(symbol, desk_.settings.margin_type));
    config.margin_type = desk_.settings.margin_type;
    log::Info("margin mode set", {{"symbol", symbol}});
  }
  if (config.leverage != leverage) {
    QUANTUM_CHECK(desk_.venue.SetLeverage(symbol, leverage));
    config.leverage = leverage;
    log::Info("leverage set", {{"symbol", symbol}, {"leverage", leverage}});
  }
  configs_[symbol] = {config, now};
  return {};
}

void Entries::Recover() {
  for (const OrderStatus status : {OrderStatus::kIntent, OrderStatus::kUnknown}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      if (trading::IsProtective(order->leg) && status == OrderStatus::kIntent) {
        continue;  // Protector::Recover
      }
      ++desk_.recovering[order->symbol];
      desk_.Spawn([this, id = order->client_order_id, was_intent = status == OrderStatus::kIntent,
                   symbol = order->symbol, correlation_id = order->correlation_id] {
        const CorrelationScope scope(correlation_id);
        RecoverOrder(id, was_intent);
        if (--desk_.recovering[symbol] == 0) {
          desk_.recovering.erase(symbol);
        }
      });
    }
  }
}

void Entries::RecoverOrder(const std::string& client_order_id, bool was_intent) {
  // The process that may have sent it is dead, so that now is a safe bound for when it was sent.
  const Sender::Finding finding = sender_.AskUntilKnown(client_order_id, desk_.VenueNow());
  if (finding != Sender::Finding::kAbsent) {
    return;
  }
  const Order* order = desk_.ledger.FindOrder(client_order_id);
  const Trade* trade = order == nullptr ? nullptr : desk_.ledger.FindTrade(order->decision_id);
  const auto pass = gate_.Enter();
  if (was_intent && pass && order->leg == Leg::kEntry && trade != nullptr) {
    Decision decision;
    decision.decision_id = trade->trade_id;
    decision.symbol = trade->symbol;
    decision.side = trade->side;
    decision.leverage = trade->leverage;
    decision.expires_at = trade->expires_at;
    decision.mode = desk_.settings.mode;
    if (!RefusedBy(desk_.GatesFor(decision.symbol), decision)) {
      SendEntry(client_order_id, decision);
      return;
    }
  }
  // A close from before the restart is never sent: what it was to close may be another position by now (pains.md 1).
  // What was never sent is withdrawn: nothing failed, and five of these are no reason for an emergency stop.
  constexpr const char* kNeverSent = "NEVER_SENT: the process ended before, and it is too late now";
  desk_.Commit(order != nullptr && order->status == OrderStatus::kIntent
                   ? desk_.ledger.Discard(client_order_id, kNeverSent, desk_.Now())
                   : desk_.ledger.MarkRejected(client_order_id, kNeverSent, desk_.Now()));
}

void Entries::CancelResting(bool all) {
  std::vector<std::string> stale;
  for (const Order* order : desk_.ledger.LiveOrders()) {
    if (order->leg == Leg::kEntry && (all || desk_.Now() - order->created > desk_.settings.entry_ttl)) {
      stale.push_back(order->client_order_id);
    }
  }
  for (const std::string& id : stale) {
    static_cast<void>(sender_.Cancel(id));  // tried again in a second
  }
}

}  // namespace quantum::execution
