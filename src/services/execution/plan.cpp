#include "services/execution/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quantum::execution {
namespace {

using trading::operator""_dec;
namespace event = trading::event;
using trading::OrderStatus;
using trading::OrderType;
using trading::Rounding;
using trading::SymbolRules;
using trading::event::Intent;

// As the venue takes them (Binance: callbackRate).
const Decimal kTrailMin = "0.1"_dec;
const Decimal kTrailMax = "10"_dec;
const Decimal kSlippageMax = "10"_dec;

Order BaseOrder(const Decision& decision, Leg leg, const std::string& correlation_id, WallTime now) {
  Order order;
  order.client_order_id = ClientOrderId(decision.decision_id, leg);
  order.decision_id = decision.decision_id;
  order.correlation_id = correlation_id;
  order.symbol = decision.symbol;
  order.leg = leg;
  order.side = decision.side;
  order.quantity = decision.quantity;
  order.created = now;
  order.updated = now;
  order.version = 1;
  return order;
}

Trade BaseTrade(const Approval& approval, const std::string& correlation_id, WallTime now) {
  const Decision& decision = approval.decision;
  Trade trade;
  trade.trade_id = decision.decision_id;
  trade.symbol = decision.symbol;
  trade.position.symbol = decision.symbol;
  trade.side = decision.side;
  trade.planned_quantity = decision.quantity;
  trade.leverage = std::max(1, decision.leverage);
  trade.stop_loss = decision.stop_loss;
  trade.targets = decision.take_profits;
  if (trade.targets.empty() && decision.take_profit) {
    trade.targets.push_back({*decision.take_profit, Decimal::FromInt(1)});
  }
  trade.trail_percent = decision.trail;
  trade.confidence = decision.confidence;
  trade.model = decision.model;
  trade.strategy = decision.strategy;
  trade.regime = decision.regime;
  trade.reservation_id = approval.reservation_id;
  trade.correlation_id = correlation_id;
  trade.expires_at = decision.expires_at;
  trade.created = now;
  trade.updated = now;
  return trade;
}

// The stop moves towards the entry, the take-profit too: neither risks more nor hopes for more than was approved.
Decimal ToTick(Decimal price, Side entry_side, bool stop, const SymbolRules& rules) {
  const bool up = (entry_side == Side::kBuy) == stop;
  return price.RoundTo(rules.tick_size, up ? Rounding::kUp : Rounding::kDown);
}

bool OnLosingSide(Decimal level, Decimal reference, Side entry_side) {
  return entry_side == Side::kBuy ? level < reference : level > reference;
}

std::optional<Refusal> CheckLevels(const Decision& decision, const Trade& trade) {
  const Decimal reference = decision.price.value_or(decision.reference_price);
  if (!trade.stop_loss || !trade.stop_loss->is_positive()) {
    return Refusal{"STOP_LOSS_MISSING", "every entry needs a stop"};
  }
  if (!OnLosingSide(*trade.stop_loss, reference, decision.side)) {
    return Refusal{"STOP_LOSS_WRONG_SIDE",
                   fmt::format("stop={} reference={}", trade.stop_loss->ToString(), reference.ToString())};
  }
  std::set<Decimal> prices;
  Decimal shares;
  for (const event::TakeProfit& target : trade.targets) {
    if (!target.price.is_positive() || OnLosingSide(target.price, reference, decision.side) ||
        target.price == reference) {
      return Refusal{"TAKE_PROFIT_WRONG_SIDE",
                     fmt::format("take_profit={} reference={}", target.price.ToString(), reference.ToString())};
    }
    shares += target.share;
    if (!target.share.is_positive() || shares > Decimal::FromInt(1) || !prices.insert(target.price).second) {
      return Refusal{"TAKE_PROFIT_SHARES",
                     fmt::format("price={} share={} sum={}: at different prices, of one at most",
                                 target.price.ToString(), target.share.ToString(), shares.ToString())};
    }
  }
  return std::nullopt;
}

std::optional<Refusal> CheckTargets(const Trade& trade, Decimal quantity, const SymbolRules& rules) {
  for (const Decimal part : TargetQuantities(trade, quantity, rules.step_size)) {
    if (part < rules.min_quantity || !part.is_positive()) {
      return Refusal{"TAKE_PROFIT_BELOW_MIN",
                     fmt::format("min={} got={}", rules.min_quantity.ToString(), part.ToString())};
    }
  }
  if (trade.trail_percent && (*trade.trail_percent < kTrailMin || *trade.trail_percent > kTrailMax)) {
    return Refusal{"TRAIL_RANGE", fmt::format("min={} max={} got={}", kTrailMin.ToString(), kTrailMax.ToString(),
                                              trade.trail_percent->ToString())};
  }
  return std::nullopt;
}

// How the entry is to be filled. A guard against slippage is a limit that takes what is there at once.
std::optional<Refusal> SetEntryType(Order& entry, const Decision& decision, const SymbolRules& rules) {
  const bool buying = decision.side == Side::kBuy;
  if (decision.price) {
    if (decision.slippage_percent) {
      return Refusal{"SLIPPAGE_WITH_PRICE", "a limit is its own guard: leave slippage_percent out"};
    }
    entry.type = OrderType::kLimit;
    entry.time_in_force = decision.time_in_force.value_or(trading::TimeInForce::kGtc);
    entry.price = decision.price->RoundTo(rules.tick_size, buying ? Rounding::kDown : Rounding::kUp);
    return std::nullopt;
  }
  if (decision.time_in_force) {
    return Refusal{"TIME_IN_FORCE_WITHOUT_PRICE", "time in force is of a limit: give a price"};
  }
  if (decision.slippage_percent) {
    const Decimal percent = *decision.slippage_percent;
    if (!percent.is_positive() || percent > kSlippageMax) {
      return Refusal{"SLIPPAGE_RANGE", fmt::format("max={} got={}", kSlippageMax.ToString(), percent.ToString())};
    }
    const Decimal away = decision.reference_price.Times(percent).DividedBy(Decimal::FromInt(100));
    const Decimal worst = buying ? decision.reference_price + away : decision.reference_price - away;
    entry.type = OrderType::kLimit;
    entry.time_in_force = trading::TimeInForce::kIoc;
    entry.price = worst.RoundTo(rules.tick_size, buying ? Rounding::kDown : Rounding::kUp);
  }
  return std::nullopt;
}

std::optional<Refusal> CheckQuantity(const Decision& decision, Decimal quantity, const SymbolRules& rules) {
  const Decimal most = decision.price ? rules.max_quantity : rules.market_max_quantity;
  if (quantity < rules.min_quantity || !quantity.is_positive()) {
    return Refusal{"QUANTITY_BELOW_MIN",
                   fmt::format("min={} got={}", rules.min_quantity.ToString(), decision.quantity.ToString())};
  }
  if (most.is_positive() && quantity > most) {
    return Refusal{"QUANTITY_EXCEEDS_MAX", fmt::format("max={} got={}", most.ToString(), quantity.ToString())};
  }
  const Decimal notional = decision.price.value_or(decision.reference_price).Times(quantity);
  if (notional < rules.min_notional) {
    return Refusal{"NOTIONAL_BELOW_MIN",
                   fmt::format("min={} got={}", rules.min_notional.ToString(), notional.ToString())};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> RefusedBy(const Gates& gates, const Decision& decision) {
  if (decision.mode != gates.mode) {
    return Refusal{"MODE_MISMATCH", fmt::format("execution={} decision={}", gates.mode, decision.mode)};
  }
  const int64_t now_ms = ToUnixMs(gates.now);
  if (decision.expires_at <= now_ms) {
    return Refusal{"DECISION_EXPIRED", fmt::format("expired_at={} now={}", decision.expires_at, now_ms)};
  }
  if (decision.intent == Intent::kClose) {
    return std::nullopt;
  }
  if (!gates.halted.empty()) {
    return Refusal{"HALTED", "owner=execution until=rearm reason=" + gates.halted};
  }
  if (gates.paused) {
    return Refusal{"PAUSED", "owner=operator until=resume"};
  }
  if (gates.draining) {
    return Refusal{"DRAINING", "owner=execution until=restart"};
  }
  if (gates.symbol_halted) {
    return Refusal{"SYMBOL_HALTED", "owner=execution until=the unknown order of this symbol is resolved"};
  }
  if (!gates.position.is_zero() && gates.position.is_positive() != (decision.side == Side::kBuy)) {
    return Refusal{"OPPOSITE_POSITION", "position=" + gates.position.ToString() + ": close it first"};
  }
  return std::nullopt;
}

std::variant<Plan, Refusal> MakePlan(const Approval& approval, const SymbolRules* rules,
                                     const std::string& correlation_id, WallTime now) {
  const Decision& decision = approval.decision;
  if (rules == nullptr) {
    return Refusal{"UNKNOWN_SYMBOL", decision.symbol + " is not listed by the venue"};
  }
  if (!rules->trading && decision.intent != Intent::kClose) {
    return Refusal{"SYMBOL_NOT_TRADING", "the venue has halted " + decision.symbol};
  }
  const Decimal quantity = decision.quantity.RoundTo(rules->step_size, Rounding::kDown);
  Plan plan;
  if (decision.intent == Intent::kClose) {
    if (!quantity.is_positive()) {
      return Refusal{"QUANTITY_BELOW_MIN", "got=" + decision.quantity.ToString()};
    }
    Order close = BaseOrder(decision, Leg::kClose, correlation_id, now);
    close.quantity = quantity;
    close.reduce_only = true;
    close.reason = std::string(decision.strategy == "manual" ? kByHand : kBySignal);
    plan.orders.push_back(std::move(close));
    return plan;
  }

  Trade trade = BaseTrade(approval, correlation_id, now);
  trade.planned_quantity = quantity;
  if (trade.stop_loss) {
    trade.stop_loss = ToTick(*trade.stop_loss, decision.side, true, *rules);
  }
  for (event::TakeProfit& target : trade.targets) {
    target.price = ToTick(target.price, decision.side, false, *rules);
  }
  if (!trade.targets.empty()) {
    trade.take_profit = trade.targets.front().price;
  }
  if (auto refusal = CheckLevels(decision, trade)) {
    return *refusal;
  }
  if (auto refusal = CheckQuantity(decision, quantity, *rules)) {
    return *refusal;
  }
  if (auto refusal = CheckTargets(trade, quantity, *rules)) {
    return *refusal;
  }

  Order entry = BaseOrder(decision, Leg::kEntry, correlation_id, now);
  entry.quantity = quantity;
  if (auto refusal = SetEntryType(entry, decision, *rules)) {
    return *refusal;
  }
  plan.orders.reserve(3 + trade.targets.size());  // entry, stop, trailing stop
  plan.orders.push_back(std::move(entry));
  plan.orders.push_back(MakeProtection(trade, Leg::kStopLoss, 0, quantity, trade.stop_loss, now));
  trade.stop_order_id = plan.orders.back().client_order_id;
  const std::vector<Decimal> parts = TargetQuantities(trade, quantity, rules->step_size);
  for (size_t i = 0; i < parts.size(); ++i) {
    plan.orders.push_back(
        MakeProtection(trade, Leg::kTakeProfit, static_cast<int>(i), parts[i], trade.targets[i].price, now));
    trade.take_profit_order_id = plan.orders.back().client_order_id;
  }
  if (trade.trail_percent) {
    plan.orders.push_back(MakeProtection(trade, Leg::kTrailingStop, 0, quantity, std::nullopt, now));
  }
  plan.trade = std::move(trade);
  return plan;
}

Plan MakeRefusedPlan(const Approval& approval, const Refusal& refusal, bool withdrawn,
                     const std::string& correlation_id, WallTime now) {
  const Decision& decision = approval.decision;
  const bool closing = decision.intent == Intent::kClose;
  Plan plan;
  Order order = BaseOrder(decision, closing ? Leg::kClose : Leg::kEntry, correlation_id, now);
  order.reduce_only = closing;
  order.status = withdrawn ? OrderStatus::kCanceled : OrderStatus::kRejected;
  order.reason = refusal.code + ": " + refusal.detail;
  plan.orders.push_back(std::move(order));
  if (!closing) {
    plan.trade = BaseTrade(approval, correlation_id, now);
    plan.trade->status = withdrawn ? TradeStatus::kCancelled : TradeStatus::kFailed;
    plan.trade->close_reason = refusal.code;
  }
  return plan;
}

std::vector<Decimal> TargetQuantities(const Trade& trade, Decimal entered, Decimal step) {
  std::vector<Decimal> parts;
  Decimal shares;
  Decimal taken;
  for (const event::TakeProfit& target : trade.targets) {
    shares += target.share;
    const Decimal part = shares == Decimal::FromInt(1) ? entered - taken
                         : step.is_positive()          ? entered.Times(target.share).RoundTo(step, Rounding::kDown)
                                                       : entered.Times(target.share);
    parts.push_back(part);
    taken += part;
  }
  return parts;
}

Order MakeProtection(const Trade& trade, Leg leg, int part, Decimal quantity, std::optional<Decimal> trigger,
                     WallTime now) {
  QUANTUM_ASSERT(trading::IsProtective(leg) && trigger.has_value() == (leg != Leg::kTrailingStop));
  Order order;
  // Part numbers of one id end at 99; beyond them the name of the decision goes on.
  const std::string name = part < 100 ? trade.trade_id : fmt::format("{}+{}", trade.trade_id, part / 100);
  order.client_order_id = ClientOrderId(name, leg, part % 100);
  order.decision_id = trade.trade_id;
  order.correlation_id = trade.correlation_id;
  order.symbol = trade.symbol;
  order.leg = leg;
  order.side = trading::Opposite(trade.side);
  order.type = leg == Leg::kStopLoss     ? OrderType::kStopMarket
               : leg == Leg::kTakeProfit ? OrderType::kTakeProfitMarket
                                         : OrderType::kTrailingStop;
  order.quantity = quantity;
  order.trigger_price = trigger.value_or(Decimal());
  order.callback_percent = leg == Leg::kTrailingStop ? trade.trail_percent.value() : Decimal();
  order.reduce_only = true;
  order.created = now;
  order.updated = now;
  order.version = 1;
  return order;
}

Order MakeClose(const std::string& decision_id, int part, const std::string& symbol, Decimal position, Decimal quantity,
                std::string_view reason, const std::string& correlation_id, WallTime now) {
  Order order;
  const std::string name = part < 100 ? decision_id : fmt::format("{}+{}", decision_id, part / 100);
  order.client_order_id = ClientOrderId(name, Leg::kClose, part % 100);
  order.decision_id = decision_id;
  order.correlation_id = correlation_id;
  order.symbol = symbol;
  order.leg = Leg::kClose;
  order.side = position.is_positive() ? Side::kSell : Side::kBuy;
  order.quantity = std::min(quantity, position.Abs());
  order.reduce_only = true;
  order.reason = std::string(reason);
  order.created = now;
  order.updated = now;
  order.version = 1;
  return order;
}

exchange::NewOrder RequestOf(const Order& order) {
  exchange::NewOrder request;
  request.client_order_id = order.client_order_id;
  request.symbol = order.symbol;
  request.side = order.side;
  request.type = order.type;
  request.time_in_force = order.time_in_force;
  request.quantity = order.quantity;
  request.price = order.price;
  request.trigger_price = order.trigger_price;
  request.callback_percent = order.callback_percent;
  request.reduce_only = order.reduce_only;
  return request;
}

}  // namespace quantum::execution
