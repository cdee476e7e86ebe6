#include "services/execution/protection.h"

#include <fmt/format.h>

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

// What is to stand of a leg: so much, at this price (a trailing stop: none).
struct Wanted {
  Leg leg = Leg::kStopLoss;
  Decimal quantity;
  std::optional<Decimal> trigger;
};

// Of a take-profit only the orders at its price count: the others are of other targets.
bool Concerns(const Order& order, const Wanted& wanted) {
  return order.leg == wanted.leg && (wanted.leg != Leg::kTakeProfit || order.trigger_price == wanted.trigger);
}

LegState Inspect(const ProtectionInput& input, const Wanted& wanted, const ProtectionLimits& limits) {
  LegState state;
  for (const Order* order : input.orders) {
    state.count += order->leg == wanted.leg ? 1 : 0;
    if (!Concerns(*order, wanted)) {
      continue;
    }
    state.newest = order;
    const Duration age = input.now - order->updated;
    if (IsLive(*order)) {
      state.refusals = 0;
      state.live.push_back(order);
      const bool right = !wanted.trigger || order->trigger_price == *wanted.trigger;
      state.covered = state.covered || order->quantity - order->filled_quantity >= wanted.quantity;
      if (right && order->quantity - order->filled_quantity == wanted.quantity) {
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

std::optional<Order> NextOrder(const ProtectionInput& input, const LegState& state, const Wanted& wanted,
                               Duration retry) {
  if (state.exact != nullptr || state.pending) {
    return std::nullopt;
  }
  if (state.newest != nullptr && state.newest->status == OrderStatus::kRejected &&
      input.now - state.newest->updated < retry) {
    return std::nullopt;
  }
  if (state.intent != nullptr) {
    Order order = *state.intent;
    order.quantity = wanted.quantity;
    return order;
  }
  Order order = MakeProtection(input.trade, wanted.leg, state.count, wanted.quantity, wanted.trigger, input.now);
  // Its time is a part of its name: an earlier process may have sent one of this number that was never written down.
  order.client_order_id = trading::ClientOrderId(fmt::format("{}@{}", input.trade.trade_id, ToUnixMs(input.now)),
                                                 wanted.leg, state.count % 100);
  return order;
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

// A take-profit or trailing stop: given up after some refusals, unlike the stop. `made`: how many of this leg were
// planned in this look.
void PlanExit(const ProtectionInput& input, const Wanted& wanted, const ProtectionLimits& limits, int& made,
              ProtectionActions& actions) {
  LegState state = Inspect(input, wanted, limits);
  if (!wanted.quantity.is_positive()) {
    for (const Order* order : state.live) {  // this target is done
      if (!input.busy(*order)) {
        actions.cancel.push_back(order->client_order_id);
      }
    }
    return;
  }
  state.count += made;
  if (state.refusals < limits.take_profit_attempts_max) {
    if (auto order = NextOrder(input, state, wanted, limits.retry_take_profit)) {
      made += state.intent == nullptr ? 1 : 0;
      actions.exits.push_back(*std::move(order));
    }
  }
  CancelSurplus(input, state, actions);
}

// The market is beyond the target already: its part is closed instead. Such closes count for the targets that are so,
// in their order.
bool IsBeyond(const ProtectionInput& input, const Wanted& wanted, const ProtectionLimits& limits) {
  const LegState state = Inspect(input, wanted, limits);
  return state.exact == nullptr && state.newest != nullptr && WouldTriggerAtOnce(*state.newest);
}

void PlanExits(const ProtectionInput& input, const ProtectionLimits& limits, bool closing, ProtectionActions& actions) {
  const Trade& trade = input.trade;
  const std::vector<Decimal> parts = TargetQuantities(trade, trade.entry_quantity, input.step);
  Decimal closed;
  for (const Order* order : input.orders) {
    closed += order->leg == Leg::kClose && order->reason == kByTakeProfit ? order->filled_quantity : Decimal();
  }
  Decimal open = trade.open_quantity();
  int made = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Wanted wanted{.leg = Leg::kTakeProfit, .quantity = parts[i], .trigger = trade.targets[i].price};
    for (const Order* order : input.orders) {
      wanted.quantity -= Concerns(*order, wanted) ? order->filled_quantity : Decimal();
    }
    wanted.quantity = std::min(std::max(wanted.quantity, Decimal()), open);
    const bool beyond = IsBeyond(input, wanted, limits);
    if (beyond) {
      const Decimal done = std::min(closed, wanted.quantity);
      closed -= done;
      wanted.quantity -= done;
    }
    open -= wanted.quantity;
    if (beyond && wanted.quantity.is_positive()) {
      if (actions.close_reason.empty() && !closing) {
        actions.close_reason = kByTakeProfit;
        actions.close_quantity = wanted.quantity;
      }
    } else {
      PlanExit(input, wanted, limits, made, actions);
    }
  }
  if (trade.trail_percent) {
    made = 0;
    PlanExit(input, {.leg = Leg::kTrailingStop, .quantity = trade.open_quantity()}, limits, made, actions);
  }
}

// A refused order is tried again some day, what has triggered is to be filled, and what is not known yet ends somehow.
bool StaysAsItIs(const ProtectionInput& input, const Order& order) {
  const bool waits_for_entry = input.trade.position.is_flat() && order.status == OrderStatus::kIntent;
  const bool fills_to_come = order.status == OrderStatus::kTriggered && order.filled_quantity < order.quantity;
  const bool over = trading::IsFinal(order.status) && order.status != OrderStatus::kRejected && !fills_to_come;
  return (IsLive(order) || waits_for_entry || over) && !input.busy(order);
}

ProtectionActions PlanAll(const ProtectionInput& input, const ProtectionLimits& limits) {
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
  const Wanted stop{Leg::kStopLoss, trade.open_quantity(), trade.stop_loss};
  const LegState stops = Inspect(input, stop, limits);
  actions.is_protected = stops.covered;
  actions.stop = NextOrder(input, stops, stop, limits.retry_stop);
  CancelSurplus(input, stops, actions);

  const bool closing = input.closing.is_positive() || MustWaitToClose(input, limits);
  if (stops.exact == nullptr && stops.newest != nullptr && WouldTriggerAtOnce(*stops.newest)) {
    actions.stop.reset();  // the market is beyond the stop already: do what the stop would have done
    actions.close_reason = closing ? "" : kByStopLoss;
    actions.close_quantity = trade.open_quantity();
  } else if (!stops.covered && input.unprotected_for >= limits.close_after && !closing) {
    actions.close_reason = kByEmergency;
    actions.close_quantity = trade.open_quantity();
  }

  PlanExits(input, limits, closing, actions);
  return actions;
}

}  // namespace

ProtectionActions PlanProtection(const ProtectionInput& input, const ProtectionLimits& limits) {
  ProtectionActions actions = PlanAll(input, limits);
  actions.settled = actions.is_protected && !actions.stop && actions.exits.empty() && actions.cancel.empty() &&
                    actions.discard.empty() && actions.close_reason.empty() &&
                    std::ranges::all_of(input.orders, [&](const Order* order) { return StaysAsItIs(input, *order); });
  return actions;
}

}  // namespace quantum::execution
