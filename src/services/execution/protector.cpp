#include "services/execution/protector.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/correlation.h"
#include "platform/log/log.h"
#include "services/execution/protection.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
using trading::OrderStatus;

// Between two looks at a symbol that nothing has changed in: while something is to be done, and else. The second is for
// what nobody foresaw: whatever changes wakes the lane.
constexpr Duration kLook = 250ms;
constexpr Duration kLookSettled = 5s;

// How long a new protective intent waits for its commit. Protection that is reduce-only matters more than its record.
constexpr Duration kCommitWait = 300ms;

// An order's report and its fills come by different ways. So long exits wait for the fills, lest they take twice; and
// after so long the fills are asked for.
constexpr Duration kFillsLate = 500ms;
constexpr Duration kFillsAwaited = 2s;
constexpr Duration kFillsAskedAgainMax = 10s;  // between two askings, which double from kFillsLate on

}  // namespace

void Protector::Wake(const std::string& symbol) {
  auto& lane = lanes_[symbol];
  if (!lane) {
    lane = std::make_unique<Lane>();
    desk_.Spawn([this, symbol, fresh = lane.get()] { Run(symbol, *fresh); });
  }
  lane->work.Set();
}

// Protection is sent once its entry has a fill, and of every fill that an earlier process can have seen the comparison
// has told. An entry whose own fate is open may have one.
bool Protector::MayHaveBeenSent(const Order& protective) const {
  const auto orders = desk_.ledger.OrdersOf(protective.decision_id);
  const auto entry = std::ranges::find(orders, Leg::kEntry, &Order::leg);
  if (entry == orders.end() || desk_.unreconciled.contains(protective.symbol)) {
    return true;
  }
  const OrderStatus status = (*entry)->status;
  return status == OrderStatus::kIntent || status == OrderStatus::kUnknown || !(*entry)->filled_quantity.is_zero();
}

void Protector::Recover() {
  for (const Order* order : desk_.ledger.OrdersWith(OrderStatus::kIntent)) {
    if (trading::IsProtective(order->leg) && MayHaveBeenSent(*order)) {
      sender_.Doubt(order->client_order_id);
    }
  }
}

void Protector::Run(const std::string& symbol, Lane& lane) {
  bool settled = false;
  while (!desk_.stopping.is_set()) {
    lane.work.WaitFor(settled ? kLookSettled : kLook);
    lane.work.Reset();
    if (desk_.reconciled && !desk_.stopping.is_set()) {
      settled = Pass(symbol);
    }
  }
}

bool Protector::AwaitsFills(const std::string& symbol) {
  if (!desk_.ledger.LacksFills(symbol)) {
    lacking_.erase(symbol);
    return false;
  }
  const SteadyTime now = desk_.clock.Steady();
  Lacking& lacking = lacking_.try_emplace(symbol, Lacking{now, now + kFillsLate, kFillsLate}).first->second;
  if (now >= lacking.ask_at && desk_.on_fills_missing) {
    lacking.pause = std::min<Duration>(lacking.pause * 2, kFillsAskedAgainMax);
    lacking.ask_at = now + lacking.pause;
    desk_.on_fills_missing();
  }
  return now - lacking.since < kFillsAwaited && desk_.ledger.AwaitsExitFills(symbol);
}

bool Protector::Pass(const std::string& symbol) {
  if (AwaitsFills(symbol)) {
    return false;
  }
  std::vector<std::string> ids;
  for (const Trade* trade : desk_.ledger.TradesToGuard(symbol)) {
    ids.push_back(trade->trade_id);
  }
  bool settled = !desk_.ledger.LacksFills(symbol);
  for (const std::string& id : ids) {
    settled = Guard(id) && settled;
  }
  return settled;
}

ProtectionActions Protector::PlanFor(const Trade& trade) const {
  const trading::SymbolRules* rules = desk_.RulesOf(trade.symbol);
  const auto found = unprotected_.find(trade.trade_id);
  const Duration unprotected =
      found == unprotected_.end() ? Duration::zero() : desk_.clock.Steady() - found->second.counts_from;
  return PlanProtection({.trade = trade,
                         .orders = desk_.ledger.OrdersOf(trade.trade_id),
                         .now = desk_.Now(),
                         .unprotected_for = unprotected,
                         .closing = desk_.ledger.Closing(trade.symbol),
                         .step = rules == nullptr ? Decimal() : rules->step_size,
                         .busy = [&](const Order& order) { return sender_.IsBusy(order.client_order_id); }},
                        desk_.settings.protection);
}

bool Protector::Guard(const std::string& trade_id) {
  const Trade* trade = desk_.ledger.FindTrade(trade_id);
  if (trade == nullptr) {
    return true;
  }
  if (trade->position.is_flat() && !IsDone(trade->status) && trade->entry_quantity.is_zero()) {
    return true;  // there is nothing to plan before its entry fills, and most trades of a full desk are so
  }
  const CorrelationScope scope(trade->correlation_id);
  if (desk_.ledger.IsCovered(*trade)) {
    unprotected_.erase(trade_id);
  } else {
    const SteadyTime now = desk_.clock.Steady();
    Unprotected& unprotected = unprotected_.try_emplace(trade_id, Unprotected{now, now}).first->second;
    if (!desk_.venue_answers) {
      unprotected.counts_from = now;
    }
  }
  ProtectionActions actions = PlanFor(*trade);
  if (actions.settled) {
    return true;
  }
  if (actions.stop) {
    Place(*actions.stop);
    // Placing took its time: what was to follow may be wrong by now.
    trade = desk_.ledger.FindTrade(trade_id);
    if (trade == nullptr) {
      return true;
    }
    actions = PlanFor(*trade);
  }
  if (!actions.close_reason.empty()) {
    CloseTrade(trade_id, actions.close_reason, actions.close_quantity);
  }
  for (const Order& exit : actions.exits) {
    Place(exit);
  }
  for (const std::string& id : actions.discard) {
    desk_.Commit(desk_.ledger.Discard(id, "never sent: its trade is over", desk_.Now()));
  }
  for (const std::string& id : actions.cancel) {
    static_cast<void>(sender_.Cancel(id));  // planned again until it is gone
  }
  return false;
}

void Protector::Place(const Order& order) {
  const Order* known = desk_.ledger.FindOrder(order.client_order_id);
  if (known == nullptr) {
    desk_.Commit(desk_.ledger.Add(order));
    desk_.sink.WaitWritten(kCommitWait);
  } else if (known->status != trading::OrderStatus::kIntent) {
    return;  // planned as an intent, and the venue has spoken of it since: the next look plans anew
  } else {
    desk_.Commit(desk_.ledger.Resize(order.client_order_id, order.quantity, desk_.Now()));
  }
  sender_.Submit(order.client_order_id);
}

void Protector::CloseTrade(const std::string& trade_id, std::string_view reason, Decimal quantity) {
  const Trade* trade = desk_.ledger.FindTrade(trade_id);
  if (trade == nullptr || trade->position.is_flat() || desk_.in_doubt()) {
    return;  // in doubt nothing goes out that is not recorded
  }
  const auto orders = desk_.ledger.OrdersOf(trade_id);
  const auto closes = std::ranges::count_if(orders, [](const Order* order) { return order->leg == Leg::kClose; });
  Order close = MakeClose(trade_id, static_cast<int>(closes), trade->symbol, trade->position.quantity,
                          std::min(quantity, trade->open_quantity()), reason, trade->correlation_id, desk_.Now());
  if (const auto* rules = desk_.RulesOf(trade->symbol); rules != nullptr && rules->market_max_quantity.is_positive()) {
    close.quantity = std::min(close.quantity, rules->market_max_quantity);
  }
  // By its time too, as in PlanProtection: a close of an earlier process may never have been written down.
  close.client_order_id = trading::ClientOrderId(fmt::format("{}@{}", trade_id, ToUnixMs(desk_.Now())), Leg::kClose,
                                                 static_cast<int>(closes % 100));
  log::Error("a position is closed at the market", {{"trade_id", trade_id},
                                                    {"symbol", close.symbol},
                                                    {"quantity", close.quantity.ToString()},
                                                    {"close_reason", reason}});
  const std::string id = close.client_order_id;
  desk_.Commit(desk_.ledger.Add(std::move(close)));
  desk_.sink.WaitWritten(kCommitWait);
  sender_.Submit(id);
}

Protector::Worst Protector::worst() const {
  Worst worst;
  for (const auto& [trade_id, unprotected] : unprotected_) {
    const Trade* trade = desk_.ledger.FindTrade(trade_id);
    if (trade == nullptr || desk_.ledger.IsCovered(*trade)) {
      continue;
    }
    const Duration duration = desk_.clock.Steady() - unprotected.since;
    if (duration > worst.duration) {
      worst = {trade_id, trade->symbol, duration};
    }
  }
  return worst;
}

}  // namespace quantum::execution
