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
  if (resting_.at(request.symbol).size() >= static_cast<size_t>(kOrdersMax)) {
    return ApiError{-2025, "Reach max open order limit."};
  }
  return std::nullopt;
}

std::optional<ApiError> Engine::CheckMargin(const SymbolMarket& market, const OrderRequest& request,
                                            const PaperOrder* amended) const {
  if (request.reduce_only) {
    return std::nullopt;
  }
  const Decimal price = request.market ? market.Best(request.side).price : request.price;
  const Decimal fee = price.Times(request.quantity).Times(TakerFee(), trading::Rounding::kUp);
  const Decimal replaces = amended == nullptr ? Decimal() : amended->price.Times(amended->remaining());
  return RefusedForMargin(account_, marks(), {request.symbol, request.side, request.quantity, price, fee, replaces});
}

Decimal Engine::OwnWithin(const OrderRequest& request) const {
  Decimal quantity;
  for (const auto& [key, entry] : resting_.at(request.symbol).Of(trading::Opposite(request.side))) {
    if (request.side == Side::kBuy ? entry.price > request.price : entry.price < request.price) {
      break;
    }
    quantity += account_.FindOrder(entry.order_id)->remaining();
  }
  return quantity;
}

std::optional<ApiError> Engine::CheckImmediate(const SymbolMarket& market, const OrderRequest& request) const {
  if (request.market) {
    return std::nullopt;
  }
  const RestingOrders::Entry* own = OwnBest(request.symbol, request.side, request.price);
  if (request.time_in_force == TimeInForce::kGtx) {
    const Decimal best = market.Best(request.side).price;
    const bool crosses = request.side == Side::kBuy ? request.price >= best : request.price <= best;
    if (crosses || own != nullptr) {
      return ApiError{-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."};
    }
  }
  if (request.time_in_force != TimeInForce::kFok) {
    return std::nullopt;
  }
  const bool stops_at_own =
      request.self_trade == SelfTradePrevention::kExpireTaker || request.self_trade == SelfTradePrevention::kExpireBoth;
  Decimal matched = request.self_trade == SelfTradePrevention::kNone ? OwnWithin(request) : Decimal();
  for (const SymbolMarket::Offer& offer : market.Offers(request.side, request.price, request.quantity)) {
    const bool reached =
        own != nullptr && (request.side == Side::kBuy ? offer.price >= own->price : offer.price <= own->price);
    matched += reached && stops_at_own ? Decimal() : offer.quantity;
  }
  if (matched < request.quantity) {
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
  const bool trailing = request.type == "TRAILING_STOP_MARKET";
  const Decimal condition = trailing ? request.activate_price : request.trigger_price;
  if (!trailing || !condition.is_zero()) {
    if (auto error = CheckPrice(market.rules(), condition)) {
      return error;
    }
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
  // A stop waits for the price to move against the position, a take-profit for it, and so does a trailing stop for its
  // activation.
  const bool rising = request.type.starts_with("STOP") == (request.side == Side::kBuy);
  if (!condition.is_zero() && (rising ? now >= condition : now <= condition)) {
    return ApiError{-2021, "Order would immediately trigger."};
  }
  return std::nullopt;
}

}  // namespace quantum::paper
