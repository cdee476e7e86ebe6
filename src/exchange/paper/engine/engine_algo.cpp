// Conditional orders: placed, triggered, finished.
#include <fmt/format.h>

#include <algorithm>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {

Answer<AlgoOrder> Engine::PlaceAlgo(const AlgoRequest& request, int64_t now_ms) {
  const SymbolMarket* of = market(request.symbol);
  if (of == nullptr) {
    return ApiError{-1121, "Invalid symbol."};
  }
  if (const auto error = CheckAlgo(*of, request)) {
    return *error;
  }
  AlgoOrder algo;
  algo.algo_id = account_.next_algo_id();
  algo.client_id = request.client_id.empty() ? fmt::format("paper-{}", algo.algo_id) : request.client_id;
  algo.symbol = request.symbol;
  algo.side = request.side;
  algo.type = request.type;
  algo.time_in_force = request.time_in_force;
  algo.quantity = request.close_position ? Decimal() : request.quantity;
  algo.price = request.price;
  algo.trigger_price = request.trigger_price;
  algo.on_mark_price = request.on_mark_price;
  algo.reduce_only = request.reduce_only || request.close_position;
  algo.close_position = request.close_position;
  algo.self_trade = request.self_trade;
  algo.activate_price = request.activate_price;
  algo.callback_rate = request.callback_rate;
  if (algo.is_trailing() && algo.activate_price.is_zero()) {
    algo.activated = true;
    algo.extreme = algo.on_mark_price ? of->mark_price() : of->last_price();
  }
  algo.created_ms = algo.updated_ms = now_ms;
  ChangeAlgo(algo);
  return algo;
}

void Engine::ChangeAlgo(const AlgoOrder& algo) {
  Commit(AlgoChanged{algo});
  Tell(AlgoEvent{algo});
}

Answer<AlgoOrder> Engine::CancelAlgo(int64_t algo_id, int64_t now_ms) {
  const AlgoOrder* found = account_.FindAlgo(algo_id);
  if (found == nullptr || found->status != AlgoStatus::kNew) {
    return ApiError{-2011, "Unknown order sent."};
  }
  AlgoOrder algo = *found;
  algo.status = AlgoStatus::kCanceled;
  algo.updated_ms = now_ms;
  trails_.erase(algo_id);
  ChangeAlgo(algo);
  return algo;
}

void Engine::CancelAllAlgos(const std::string& symbol, int64_t now_ms) {
  const std::vector<int64_t> open(account_.open_algos().begin(), account_.open_algos().end());
  for (int64_t id : open) {
    if (account_.FindAlgo(id)->symbol == symbol) {
      static_cast<void>(CancelAlgo(id, now_ms).ok());
    }
  }
}

void Engine::TriggerAlgos(SymbolMarket& market, const std::string& symbol, bool on_mark_price, int64_t now_ms) {
  if (account_.open_algos().empty()) {
    return;
  }
  const Decimal price = on_mark_price ? market.mark_price() : market.last_price();
  const std::vector<int64_t> open(account_.open_algos().begin(), account_.open_algos().end());
  for (int64_t id : open) {
    const AlgoOrder& algo = *account_.FindAlgo(id);
    if (algo.symbol != symbol || algo.on_mark_price != on_mark_price || algo.status != AlgoStatus::kNew) {
      continue;
    }
    if (IsReached(algo, price)) {
      AlgoOrder reached = algo;
      if (reached.is_trailing()) {
        reached.trigger_price = price.RoundTo(market.rules().rules.tick_size, trading::Rounding::kHalfEven);
      }
      Trigger(market, std::move(reached), now_ms);
      TrimReduceOnly(symbol, now_ms);
    }
  }
}

bool Engine::IsReached(const AlgoOrder& algo, Decimal price) {
  if (algo.is_trailing()) {
    return IsTrailReached(algo, price);
  }
  const bool rising = algo.is_stop() == (algo.side == Side::kBuy);
  return rising ? price >= algo.trigger_price : price <= algo.trigger_price;
}

bool Engine::IsTrailReached(AlgoOrder algo, Decimal price) {
  const bool sells = algo.side == Side::kSell;
  if (!algo.activated) {
    if (sells ? price < algo.activate_price : price > algo.activate_price) {
      return false;
    }
    algo.activated = true;
    algo.extreme = price;
    Commit(AlgoChanged{algo});
  }
  Decimal& extreme = trails_.try_emplace(algo.algo_id, algo.extreme).first->second;
  extreme = sells ? std::max(extreme, price) : std::min(extreme, price);
  const Decimal distance = extreme.Times(algo.callback_rate).DividedBy(Decimal::FromInt(100));
  if (sells ? price <= extreme - distance : price >= extreme + distance) {
    return true;
  }
  // Not every tick is worth a write: after a restart the stop may stand a tenth of its distance behind.
  if ((extreme - algo.extreme).Abs() >= distance.DividedBy(Decimal::FromInt(10))) {
    algo.extreme = extreme;
    Commit(AlgoChanged{algo});
  }
  return false;
}

void Engine::Trigger(SymbolMarket& market, AlgoOrder algo, int64_t now_ms) {
  algo.status = AlgoStatus::kTriggering;
  algo.triggered_ms = algo.updated_ms = now_ms;
  trails_.erase(algo.algo_id);
  ChangeAlgo(algo);

  OrderRequest request;
  request.symbol = algo.symbol;
  request.side = algo.side;
  request.market = algo.is_market();
  request.time_in_force = algo.time_in_force;
  request.quantity = algo.close_position ? Closable(algo.symbol, algo.side) : algo.quantity;
  request.price = algo.price;
  request.reduce_only = algo.reduce_only;
  request.self_trade = algo.self_trade;
  std::optional<ApiError> refused;
  if (algo.reduce_only && Closable(algo.symbol, algo.side).is_zero()) {
    refused = ApiError{-2022, "ReduceOnly Order is rejected."};
  } else if (!(refused = CheckOrder(market, request)) && !(refused = CheckMargin(market, request, nullptr))) {
    refused = CheckImmediate(market, request);
  }
  if (refused) {
    algo.status = AlgoStatus::kRejected;
    algo.reject_reason = refused->message;
    ChangeAlgo(algo);
    return;
  }
  PaperOrder order;
  order.order_id = account_.next_order_id();
  order.client_id = algo.client_id;
  order.symbol = algo.symbol;
  order.side = algo.side;
  order.market = request.market;
  order.original_type = algo.type;
  order.time_in_force = algo.time_in_force;
  order.quantity = algo.reduce_only ? std::min(request.quantity, Closable(algo.symbol, algo.side)) : request.quantity;
  order.price = request.market ? Decimal() : algo.price;
  order.trigger_price = algo.trigger_price;
  order.reduce_only = algo.reduce_only;
  order.close_position = algo.close_position;
  order.algo_id = algo.algo_id;
  order.self_trade = algo.self_trade;
  order.activate_price = algo.activate_price;
  order.callback_rate = algo.callback_rate;
  order.created_ms = order.updated_ms = now_ms;
  algo.status = AlgoStatus::kTriggered;
  algo.order_id = order.order_id;
  ChangeAlgo(algo);
  const PaperOrder accepted = Accept(std::move(order));
  TakeLiquidity(market, accepted.order_id, now_ms);
}

void Engine::FinishAlgoOf(const PaperOrder& order, int64_t now_ms) {
  if (order.algo_id == 0 || IsOpen(order.status)) {
    return;
  }
  const AlgoOrder* found = account_.FindAlgo(order.algo_id);
  if (found == nullptr) {
    return;
  }
  AlgoOrder algo = *found;
  algo.status = AlgoStatus::kFinished;
  algo.executed = order.filled;
  algo.average_price = order.average();
  algo.updated_ms = now_ms;
  ChangeAlgo(algo);
}

}  // namespace quantum::paper
