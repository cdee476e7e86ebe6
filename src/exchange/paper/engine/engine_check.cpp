// What the engine refuses, in Binance's words.
#include "exchange/paper/engine/engine.h"

namespace quantum::paper {

Decimal Engine::Closable(const std::string& symbol, Side side) const {
  const Decimal held = account_.symbol(symbol).position.quantity;
  const bool closes = side == Side::kSell ? held.is_positive() : held.is_negative();
  return closes ? held.Abs() : Decimal();
}

std::optional<ApiError> Engine::CheckOrder(const SymbolMarket& market, const OrderRequest& request) const {
  const PaperRules& rules = market.rules();
  if (!market.ready()) {
    return ApiError{-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading."};
  }
  if (!request.client_id.empty()) {
    const PaperOrder* same = account_.FindOrder(request.symbol, request.client_id);
    if (same != nullptr && IsOpen(same->status)) {
      return ApiError{-4116, "ClientOrderId is duplicated."};
    }
  }
  if (auto error = CheckQuantity(rules, request.quantity, request.market)) {
    return error;
  }
  if (!request.market) {
    if (auto error = CheckPrice(rules, request.price)) {
      return error;
    }
    if (auto error = CheckPercentPrice(rules, request.side, request.price, market.mark_price())) {
      return error;
    }
  }
  if (request.reduce_only) {
    if (Closable(request.symbol, request.side).is_zero()) {
      return ApiError{-2022, "ReduceOnly Order is rejected."};
    }
  } else if (auto error =
                 CheckNotional(rules, request.quantity, request.market ? market.mark_price() : request.price)) {
    return error;
  }
  int open = 0;
  for (int64_t id : account_.open_orders()) {
    open += account_.FindOrder(id)->symbol == request.symbol ? 1 : 0;
  }
  if (open >= kOrdersMax) {
    return ApiError{-2025, "Reach max open order limit."};
  }
  return std::nullopt;
}

std::optional<ApiError> Engine::CheckMargin(const SymbolMarket& market, const OrderRequest& request) const {
  if (request.reduce_only) {
    return std::nullopt;
  }
  const Decimal price = request.market ? market.Best(request.side).price : request.price;
  const Decimal fee = price.Times(request.quantity).Times(TakerFee(), trading::Rounding::kUp);
  if (!MarginSuffices(account_, marks(), {request.symbol, request.side, request.quantity, price, fee})) {
    return ApiError{-2019, "Margin is insufficient."};
  }
  return std::nullopt;
}

std::optional<ApiError> Engine::CheckImmediate(const SymbolMarket& market, const OrderRequest& request) const {
  if (request.market) {
    return std::nullopt;
  }
  Decimal matched;
  const std::optional<Decimal> own = OwnBest(request.symbol, request.side);
  for (const SymbolMarket::Offer& offer : market.Offers(request.side, request.price, request.quantity)) {
    const bool reached = own && (request.side == Side::kBuy ? offer.price >= *own : offer.price <= *own);
    matched += reached ? Decimal() : offer.quantity;
  }
  if (request.time_in_force == TimeInForce::kGtx) {
    const Decimal best = market.Best(request.side).price;
    const bool crosses = request.side == Side::kBuy ? request.price >= best : request.price <= best;
    const bool meets_own = own && (request.side == Side::kBuy ? request.price >= *own : request.price <= *own);
    if (crosses || meets_own) {
      return ApiError{-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."};
    }
  }
  if (request.time_in_force == TimeInForce::kFok && matched < request.quantity) {
    return ApiError{-5021, "Due to the order could not be filled immediately, the FOK order has been rejected."};
  }
  return std::nullopt;
}

std::optional<ApiError> Engine::CheckAlgo(const SymbolMarket& market, const AlgoRequest& request) const {
  if (!market.ready()) {
    return ApiError{-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading."};
  }
  if (!request.client_id.empty()) {
    const AlgoOrder* same = account_.FindAlgo(request.client_id);
    if (same != nullptr && same->status == AlgoStatus::kNew) {
      return ApiError{-4116, "ClientOrderId is duplicated."};
    }
  }
  if (!request.close_position) {
    if (auto error = CheckQuantity(market.rules(), request.quantity, request.type.ends_with("_MARKET"))) {
      return error;
    }
  }
  if (auto error = CheckPrice(market.rules(), request.trigger_price)) {
    return error;
  }
  if (!request.type.ends_with("_MARKET")) {
    if (auto error = CheckPrice(market.rules(), request.price)) {
      return error;
    }
  }
  if (account_.open_algos().size() >= static_cast<size_t>(kAlgoOrdersMax)) {
    return ApiError{-4045, "Reach max stop order limit."};
  }
  const Decimal now = request.on_mark_price ? market.mark_price() : market.last_price();
  // A stop waits for the price to move against the position, a take-profit for it.
  const bool rising = request.type.starts_with("STOP") == (request.side == Side::kBuy);
  if (rising ? now >= request.trigger_price : now <= request.trigger_price) {
    return ApiError{-2021, "Order would immediately trigger."};
  }
  return std::nullopt;
}

}  // namespace quantum::paper
