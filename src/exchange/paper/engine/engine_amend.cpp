// Orders amended, and the dead-man switch.
#include <algorithm>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {

std::optional<ApiError> Engine::CheckAmendment(const SymbolMarket& market, const PaperOrder& order, Decimal quantity,
                                               Decimal price) const {
  const PaperRules& rules = market.rules();
  if (auto error = CheckQuantity(rules, quantity, false)) {
    return error;
  }
  if (auto error = CheckPrice(rules, price)) {
    return error;
  }
  if (auto error = CheckPercentPrice(rules, order.side, price, market.mark_price())) {
    return error;
  }
  if (quantity == order.quantity && price == order.price) {
    return ApiError{-5027, "No need to modify the order."};
  }
  if (order.amendments >= kAmendmentsMax) {
    return ApiError{-5026, "Exceed maximum modify order limit."};
  }
  if (!order.reduce_only && quantity.Times(price) < rules.rules.min_notional) {
    return ApiError{-5029, "Order's notional must be no smaller than " + rules.rules.min_notional.ToString()};
  }
  return std::nullopt;
}

Answer<PaperOrder> Engine::Amend(const AmendRequest& request, int64_t now_ms) {
  const PaperOrder* found = account_.FindOrder(request.order_id);
  if (found == nullptr || !IsOpen(found->status) || !markets_.contains(found->symbol)) {
    return ApiError{-2013, "Order does not exist."};
  }
  PaperOrder order = *found;
  SymbolMarket& market = markets_.at(order.symbol);
  if (request.side != order.side) {
    return ApiError{-1117, "Invalid side."};
  }
  if (!market.ready()) {
    return ApiError{-5024, "Symbol is not in trading status. Order amendment is not permitted."};
  }
  const Decimal quantity = order.reduce_only && request.quantity > order.filled
                               ? std::min(request.quantity, order.filled + Closable(order.symbol, order.side))
                               : request.quantity;
  if (auto error = CheckAmendment(market, order, quantity, request.price)) {
    return *error;
  }
  OrderRequest changed;
  changed.symbol = order.symbol;
  changed.side = order.side;
  changed.time_in_force = order.time_in_force;
  changed.quantity = quantity - order.filled;
  changed.price = request.price;
  changed.reduce_only = order.reduce_only;
  if (!changed.quantity.is_positive()) {
    return Cancel(order.order_id, now_ms);
  }
  if (auto error = CheckMargin(market, changed, &order)) {
    return *error;
  }
  if (CheckImmediate(market, changed)) {
    return Cancel(order.order_id, now_ms);
  }
  RestingOrders& resting = resting_.at(order.symbol);
  const RestingOrders::Entry* entry = resting.Find(order);
  const std::optional<Decimal> others_ahead = entry == nullptr ? std::nullopt : entry->others_ahead;
  const bool keeps_place = request.price == order.price && quantity < order.quantity;
  resting.Remove(order);
  order.price = request.price;
  order.quantity = quantity;
  order.priority = keeps_place ? order.priority : account_.next_priority();
  // As the documentation of "Modify Order" says.
  order.self_trade = SelfTradePrevention::kNone;
  ++order.amendments;
  order.updated_ms = now_ms;
  Commit(OrderChanged{order});
  Tell(OrderEvent{order, "AMENDMENT", std::nullopt});
  if (keeps_place) {
    resting.Add(order, others_ahead);
  } else {
    TakeLiquidity(market, order.order_id, now_ms);
    TrimReduceOnly(order.symbol, now_ms);
  }
  return *account_.FindOrder(order.order_id);
}

std::optional<ApiError> Engine::SetCountdown(const std::string& symbol, int64_t countdown_ms, int64_t now_ms) {
  if (market(symbol) == nullptr) {
    return ApiError{-1121, "Invalid symbol."};
  }
  if (countdown_ms > 0 || account_.countdowns().contains(symbol)) {
    Commit(CountdownSet{symbol, countdown_ms, countdown_ms == 0 ? 0 : now_ms + countdown_ms});
  }
  return std::nullopt;
}

void Engine::OnTime(int64_t now_ms) {
  if (account_.countdowns().empty()) {
    return;
  }
  std::vector<std::string> over;
  for (const auto& [symbol, countdown] : account_.countdowns()) {
    if (now_ms >= countdown.deadline_ms) {
      over.push_back(symbol);
    }
  }
  for (const std::string& symbol : over) {
    Commit(CountdownSet{symbol, 0, 0});
    CancelAll(symbol, now_ms);
    if (!options_.countdown_spares_conditional) {
      CancelAllAlgos(symbol, now_ms);
    }
  }
}

}  // namespace quantum::paper
