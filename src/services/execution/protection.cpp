#include "services/execution/protection.h"

#include <algorithm>

namespace quantum::execution {
namespace {

using trading::OrderStatus;

bool IsLive(const Order& order) {
  return order.status == OrderStatus::kNew || order.status == OrderStatus::kPartiallyFilled;
}

bool WouldTriggerAtOnce(const Order& order) {
  return order.status == OrderStatus::kRejected && order.reason.starts_with("-2021");
}

// What stands of one leg.
struct LegState {
  std::vector<const Order*> live;
  const Order* exact = nullptr;   // live and covering exactly what is open; the newest
  bool covered = false;           // something live covers all that is open
  bool pending = false;           // being sent, or trusted to stand: wait
  const Order* intent = nullptr;  // committed and not sent
  const Order* newest = nullptr;
  int count = 0;
  int refusals = 0;  // by the venue, since the last one that was accepted
};

LegState Inspect(const ProtectionInput& input, Leg leg, Decimal trigger, const ProtectionLimits& limits) {
  LegState state;
  const Decimal open = input.trade.open_quantity();
  for (const Order* order : input.orders) {
    if (order->leg != leg) {
      continue;
    }
    ++state.count;
    state.newest = order;
    const Duration age = input.now - order->updated;
    if (IsLive(*order)) {
      state.refusals = 0;
      state.live.push_back(order);
      const bool right = order->trigger_price == trigger;
      state.covered = state.covered || order->quantity - order->filled_quantity >= open;
      if (right && order->quantity - order->filled_quantity == open) {
        state.exact = order;
      }
    } else if (order->status == OrderStatus::kTriggered && order->filled_quantity < order->quantity) {
      state.pending = state.pending || age < limits.triggered_trusted;
    } else if (order->status == OrderStatus::kUnknown) {
      state.pending = state.pending || age < limits.unknown_trusted;
    } else if (order->status == OrderStatus::kRejected) {
      ++state.refusals;
    } else if (order->status == OrderStatus::kIntent) {
      if (input.busy(*order)) {
        state.pending = true;
      } else {
        state.intent = order;
      }
    }
  }
  return state;
}

std::optional<Order> NextOrder(const ProtectionInput& input, const LegState& state, Leg leg, Duration retry) {
  if (state.exact != nullptr || state.pending) {
    return std::nullopt;
  }
  if (state.newest != nullptr && state.newest->status == OrderStatus::kRejected &&
      input.now - state.newest->updated < retry) {
    return std::nullopt;
  }
  if (state.intent != nullptr) {
    Order order = *state.intent;
    order.quantity = input.trade.open_quantity();
    return order;
  }
  return MakeProtection(input.trade, leg, state.count, input.trade.open_quantity(), input.now);
}

// Everything that stands for a trade that has nothing open any more: orphaned stops are removed.
void Dismantle(const ProtectionInput& input, ProtectionActions& actions) {
  for (const Order* order : input.orders) {
    if (order->leg == Leg::kClose || input.busy(*order)) {
      continue;
    }
    const bool entry = order->leg == Leg::kEntry;
    if (IsLive(*order)) {
      actions.cancel.push_back(order->client_order_id);
    } else if (order->status == OrderStatus::kIntent && !entry) {
      actions.discard.push_back(order->client_order_id);
    }
  }
}

// The last closes took nothing (refused, expired, not sent): another at once would fare no better, and thousands of
// them would burn the order limit.
bool MustWaitToClose(const ProtectionInput& input, const ProtectionLimits& limits) {
  Duration pause{};
  WallTime last{};
  for (const Order* order : input.orders) {
    if (order->leg != Leg::kClose) {
      continue;
    }
    const bool in_vain = trading::IsFinal(order->status) && order->filled_quantity.is_zero();
    pause = !in_vain              ? Duration{}
            : pause == Duration{} ? limits.retry_close
                                  : std::min(pause * 2, limits.retry_close_max);
    last = order->updated;
  }
  return pause > Duration{} && input.now - last < pause;
}

void CancelSurplus(const ProtectionInput& input, const LegState& state, ProtectionActions& actions) {
  if (state.exact == nullptr) {
    return;  // the new one must stand first
  }
  for (const Order* order : state.live) {
    if (order != state.exact && !input.busy(*order)) {
      actions.cancel.push_back(order->client_order_id);
    }
  }
}

}  // namespace

ProtectionActions PlanProtection(const ProtectionInput& input, const ProtectionLimits& limits) {
  ProtectionActions actions;
  const Trade& trade = input.trade;
  if (trade.position.is_flat()) {
    actions.is_protected = true;
    // A pending trade keeps its intents: its entry may still fill. One that was filled and is flat again is over.
    if (IsDone(trade.status) || trade.entry_quantity.is_positive()) {
      Dismantle(input, actions);
    }
    return actions;
  }
  QUANTUM_ASSERT(trade.stop_loss.has_value());
  const LegState stops = Inspect(input, Leg::kStopLoss, *trade.stop_loss, limits);
  actions.is_protected = stops.covered;
  actions.stop = NextOrder(input, stops, Leg::kStopLoss, limits.retry_stop);
  CancelSurplus(input, stops, actions);

  const bool closing = input.closing.is_positive() || MustWaitToClose(input, limits);
  if (stops.exact == nullptr && stops.newest != nullptr && WouldTriggerAtOnce(*stops.newest)) {
    actions.stop.reset();  // the market is beyond the stop already: do what the stop would have done
    actions.close_reason = closing ? "" : kByStopLoss;
  } else if (!stops.covered && input.unprotected_for >= limits.close_after && !closing) {
    actions.close_reason = kByEmergency;
  }

  if (trade.take_profit) {
    const LegState targets = Inspect(input, Leg::kTakeProfit, *trade.take_profit, limits);
    if (targets.newest != nullptr && WouldTriggerAtOnce(*targets.newest)) {
      if (actions.close_reason.empty() && !closing && targets.exact == nullptr) {
        actions.close_reason = kByTakeProfit;
      }
    } else if (targets.refusals < limits.take_profit_attempts_max) {
      actions.take_profit = NextOrder(input, targets, Leg::kTakeProfit, limits.retry_take_profit);
    }
    CancelSurplus(input, targets, actions);
  }
  return actions;
}

}  // namespace quantum::execution
