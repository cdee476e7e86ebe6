// Orders as they come in and go.
#include "exchange/paper/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quantum::paper {
namespace {

ApiError UnknownSymbol() { return {-1121, "Invalid symbol."}; }
ApiError UnknownOrder() { return {-2011, "Unknown order sent."}; }

}  // namespace

Engine::Engine(const std::vector<std::string>& symbols, Account account, EngineOptions options)
    : options_(options), account_(std::move(account)) {
  for (const std::string& symbol : symbols) {
    const PaperRules* rules = FindRules(symbol);
    QUANTUM_ASSERT(rules != nullptr);
    markets_.emplace(symbol, SymbolMarket(*rules));
    resting_[symbol];
  }
  for (int64_t id : account_.open_orders()) {
    const PaperOrder& order = *account_.FindOrder(id);
    resting_[order.symbol].Add(order, std::nullopt);
  }
}

const SymbolMarket* Engine::market(const std::string& symbol) const {
  const auto found = markets_.find(symbol);
  return found == markets_.end() ? nullptr : &found->second;
}

MarkPrices Engine::marks() const {
  MarkPrices marks;
  for (const auto& [symbol, market] : markets_) {
    if (market.ready()) {
      marks[symbol] = market.mark_price();
    }
  }
  return marks;
}

void Engine::Commit(Record record) {
  account_.Apply(record);
  output_.records.push_back(std::move(record));
}

Engine::Output Engine::TakeOutput() { return std::exchange(output_, {}); }

Answer<PaperOrder> Engine::Place(const OrderRequest& request, int64_t now_ms) {
  const auto found = markets_.find(request.symbol);
  if (found == markets_.end()) {
    return UnknownSymbol();
  }
  SymbolMarket& market = found->second;
  if (const auto error = CheckOrder(market, request)) {
    return *error;
  }
  if (const auto error = CheckMargin(market, request, nullptr)) {
    return *error;
  }
  if (const auto error = CheckImmediate(market, request)) {
    return *error;
  }
  PaperOrder order;
  order.client_id = request.client_id;
  order.symbol = request.symbol;
  order.side = request.side;
  order.market = request.market;
  order.original_type = request.market ? "MARKET" : "LIMIT";
  order.time_in_force = request.time_in_force;
  order.quantity =
      request.reduce_only ? std::min(request.quantity, Closable(request.symbol, request.side)) : request.quantity;
  order.price = request.market ? Decimal() : request.price;
  order.reduce_only = request.reduce_only;
  order.self_trade = request.self_trade;
  order.created_ms = order.updated_ms = now_ms;
  const PaperOrder accepted = Accept(std::move(order));
  if (cut_) {
    CutShort(market, accepted.order_id, *std::exchange(cut_, std::nullopt), now_ms);
  } else {
    TakeLiquidity(market, accepted.order_id, now_ms);
  }
  TrimReduceOnly(request.symbol, now_ms);
  return *account_.FindOrder(accepted.order_id);
}

PaperOrder Engine::Accept(PaperOrder order) {
  order.order_id = account_.next_order_id();
  order.priority = account_.next_priority();
  if (order.client_id.empty()) {
    order.client_id = fmt::format("paper-{}", order.order_id);
  }
  Commit(OrderChanged{order});
  Tell(OrderEvent{order, "NEW", std::nullopt});
  return order;
}

const RestingOrders::Entry* Engine::OwnBest(const std::string& symbol, Side taker, std::optional<Decimal> limit) const {
  const RestingOrders::Queue& queue = resting_.at(symbol).Of(trading::Opposite(taker));
  if (queue.empty()) {
    return nullptr;
  }
  const RestingOrders::Entry& best = queue.begin()->second;
  const bool met = !limit || (taker == Side::kBuy ? *limit >= best.price : *limit <= best.price);
  return met ? &best : nullptr;
}

void Engine::TakeLiquidity(SymbolMarket& market, int64_t order_id, int64_t now_ms) {
  for (;;) {
    const PaperOrder order = *account_.FindOrder(order_id);
    const bool buys = order.side == Side::kBuy;
    const std::optional<Decimal> limit = order.market ? std::nullopt : std::optional(order.price);
    const RestingOrders::Entry* own = OwnBest(order.symbol, order.side, limit);
    for (const SymbolMarket::Offer& offer : market.Offers(order.side, limit, order.remaining())) {
      if ((own != nullptr && (buys ? offer.price >= own->price : offer.price <= own->price)) ||
          !IsOpen(account_.FindOrder(order_id)->status)) {
        break;
      }
      const Decimal wanted = std::min(offer.quantity, account_.FindOrder(order_id)->remaining());
      const Decimal filled = Fill(order_id, offer.price, wanted, Role::kTaker, now_ms);
      if (filled.is_positive()) {
        market.Take(order.side, offer.price, filled);
      }
    }
    if (own == nullptr || !IsOpen(account_.FindOrder(order_id)->status) || !MeetOwn(order_id, own->order_id, now_ms)) {
      break;
    }
  }
  const PaperOrder& after = *account_.FindOrder(order_id);
  if (!IsOpen(after.status)) {
    return;
  }
  if (!after.market && (after.time_in_force == TimeInForce::kGtc || after.time_in_force == TimeInForce::kGtx)) {
    Rest(market, after);
  } else {
    Finish(order_id, Execution::kExpired, now_ms);
  }
}

void Engine::CutShort(SymbolMarket& market, int64_t order_id, Decimal filled_share, int64_t now_ms) {
  const PaperOrder order = *account_.FindOrder(order_id);
  const Decimal share =
      order.quantity.Times(filled_share).RoundTo(market.rules().rules.step_size, trading::Rounding::kDown);
  const std::optional<Decimal> limit = order.market ? std::nullopt : std::optional(order.price);
  for (const SymbolMarket::Offer& offer : market.Offers(order.side, limit, share)) {
    const Decimal wanted = std::min(offer.quantity, share - account_.FindOrder(order_id)->filled);
    const Decimal filled = wanted.is_positive() ? Fill(order_id, offer.price, wanted, Role::kTaker, now_ms) : Decimal();
    if (filled.is_positive()) {
      market.Take(order.side, offer.price, filled);
    }
  }
  if (IsOpen(account_.FindOrder(order_id)->status)) {
    Finish(order_id, Execution::kCanceled, now_ms);
  }
}

bool Engine::MeetOwn(int64_t order_id, int64_t own_id, int64_t now_ms) {
  const PaperOrder order = *account_.FindOrder(order_id);
  const PaperOrder own = *account_.FindOrder(own_id);
  switch (order.self_trade) {
    case SelfTradePrevention::kExpireTaker:
      Finish(order_id, Execution::kExpiredInMatch, now_ms);
      return false;
    case SelfTradePrevention::kExpireMaker:
      Finish(own_id, Execution::kExpiredInMatch, now_ms);
      return true;
    case SelfTradePrevention::kExpireBoth:
      Finish(own_id, Execution::kExpiredInMatch, now_ms);
      Finish(order_id, Execution::kExpiredInMatch, now_ms);
      return false;
    case SelfTradePrevention::kNone:
      break;
  }
  // They trade with each other: one trade of two fills.
  Decimal quantity = std::min(order.remaining(), own.remaining());
  for (const PaperOrder* one : {&own, &order}) {
    const Decimal closable = one->reduce_only ? Closable(one->symbol, one->side) : quantity;
    if (closable.is_zero()) {
      Finish(one->order_id, Execution::kExpired, now_ms);
      return one == &own;
    }
    quantity = std::min(quantity, closable);
  }
  Fill(own_id, own.price, quantity, Role::kMaker, now_ms);
  Fill(order_id, own.price, quantity, Role::kTaker, now_ms);
  return IsOpen(account_.FindOrder(order_id)->status);
}

Decimal Engine::OthersAhead(const SymbolMarket& market, const PaperOrder& order) const {
  // Not before others that stand before the account's own order at this price.
  const Decimal displayed = market.Displayed(order.side, order.price);
  const RestingOrders::Entry* before = resting_.at(order.symbol).Before(order.side, RestingOrders::KeyOf(order));
  return before == nullptr ? displayed : std::max(displayed, before->others_ahead.value_or(displayed));
}

void Engine::Rest(const SymbolMarket& market, const PaperOrder& order) {
  resting_.at(order.symbol).Add(order, OthersAhead(market, order));
}

Decimal Engine::Fill(int64_t order_id, Decimal price, Decimal quantity, Role role, int64_t now_ms) {
  PaperOrder order = *account_.FindOrder(order_id);
  if (order.reduce_only) {
    quantity = std::min(quantity, Closable(order.symbol, order.side));
    if (quantity.is_zero()) {
      return quantity;
    }
  }
  trading::Position position = account_.symbol(order.symbol).position;
  PaperFill fill;
  fill.trade_id = account_.next_trade_id();
  fill.order_id = order_id;
  fill.symbol = order.symbol;
  fill.side = order.side;
  fill.price = price;
  fill.quantity = quantity;
  const Decimal notional = price.Times(quantity);
  fill.fee = notional.Times(role == Role::kMaker ? MakerFee() : TakerFee());
  if (role == Role::kLiquidated) {
    // The fees take no more than was saved above the price of the account's ruin: the wallet does not go below zero.
    const Decimal saved = (price - order.price).Abs().Times(quantity, trading::Rounding::kDown);
    fill.fee = std::min(fill.fee, saved);
    fill.liquidation_fee = std::min(notional.Times(LiquidationFee()), saved - fill.fee);
    fill.fee += fill.liquidation_fee;
  }
  const trading::PositionChange change = trading::Apply(position, fill.side, quantity, price, fill.fee);
  fill.realized_pnl = change.realized_pnl;
  fill.maker = role == Role::kMaker;
  fill.time_ms = now_ms;

  order.filled += quantity;
  order.quote += price.Times(quantity);
  order.status = order.remaining().is_zero() ? Execution::kFilled : Execution::kPartiallyFilled;
  order.updated_ms = now_ms;
  Commit(Filled{fill, order});
  if (!IsOpen(order.status)) {
    resting_.at(order.symbol).Remove(order);
  }
  if (change.closed_quantity.is_positive()) {
    shrunk_.insert(order.symbol);
  }
  // Binance sends the account before the order.
  Tell(AccountNow("ORDER", order.symbol));
  Tell(OrderEvent{order, role == Role::kLiquidated ? "CALCULATED" : "TRADE", fill});
  FinishAlgoOf(order, now_ms);
  return quantity;
}

AccountEvent Engine::AccountNow(const std::string& reason, const std::string& name) const {
  const Account::Symbol& symbol = account_.symbol(name);
  AccountEvent event;
  event.reason = reason;
  event.symbol = name;
  event.wallet = event.cross_wallet = account_.wallet();
  for (const auto& [other, held] : account_.symbols()) {
    event.cross_wallet -= held.isolated_wallet;
  }
  event.position = symbol.position;
  event.unrealized_pnl = trading::UnrealizedPnl(symbol.position, markets_.at(name).mark_price());
  event.isolated = symbol.isolated;
  event.isolated_wallet = symbol.isolated_wallet;
  return event;
}

void Engine::Finish(int64_t order_id, Execution status, int64_t now_ms) {
  PaperOrder order = *account_.FindOrder(order_id);
  order.status = status;
  order.updated_ms = now_ms;
  resting_.at(order.symbol).Remove(order);
  Commit(OrderChanged{order});
  Tell(OrderEvent{order, status == Execution::kCanceled ? "CANCELED" : "EXPIRED", std::nullopt});
  FinishAlgoOf(order, now_ms);
}

void Engine::TrimToPosition(PaperOrder order, int64_t now_ms) {
  const Decimal closable = Closable(order.symbol, order.side);
  if (closable.is_zero()) {
    Finish(order.order_id, Execution::kExpired, now_ms);
  } else if (order.remaining() > closable) {
    order.quantity = order.filled + closable;
    order.updated_ms = now_ms;
    Commit(OrderChanged{order});
    Tell(OrderEvent{order, "AMENDMENT", std::nullopt});
  }
}

void Engine::TrimReduceOnly(const std::string& symbol, int64_t now_ms) {
  if (shrunk_.erase(symbol) == 0) {
    return;
  }
  if (account_.symbol(symbol).open_reduce_only > 0) {
    const std::vector<int64_t> open(account_.open_orders().begin(), account_.open_orders().end());
    for (int64_t id : open) {
      if (const PaperOrder& order = *account_.FindOrder(id); order.symbol == symbol && order.reduce_only) {
        TrimToPosition(order, now_ms);
      }
    }
  }
  const std::vector<int64_t> algos(account_.open_algos().begin(), account_.open_algos().end());
  for (int64_t id : algos) {
    AlgoOrder algo = *account_.FindAlgo(id);
    if (algo.symbol == symbol && algo.close_position && Closable(symbol, algo.side).is_zero()) {
      algo.status = AlgoStatus::kExpired;
      algo.updated_ms = now_ms;
      ChangeAlgo(algo);
    }
  }
}

Answer<PaperOrder> Engine::Cancel(int64_t order_id, int64_t now_ms) {
  const PaperOrder* order = account_.FindOrder(order_id);
  if (order == nullptr || !IsOpen(order->status)) {
    return UnknownOrder();
  }
  Finish(order_id, Execution::kCanceled, now_ms);
  return *account_.FindOrder(order_id);
}

void Engine::CancelAll(const std::string& symbol, int64_t now_ms) {
  const std::vector<int64_t> open(account_.open_orders().begin(), account_.open_orders().end());
  for (int64_t id : open) {
    if (account_.FindOrder(id)->symbol == symbol) {
      Finish(id, Execution::kCanceled, now_ms);
    }
  }
}

Answer<int> Engine::SetLeverage(const std::string& symbol, int leverage, int64_t /*now_ms*/) {
  const SymbolMarket* of = market(symbol);
  if (of == nullptr) {
    return UnknownSymbol();
  }
  if (leverage < 1 || leverage > of->rules().rules.leverage_max) {
    return ApiError{-4028, fmt::format("Leverage {} is not valid", leverage)};
  }
  if (account_.symbol(symbol).leverage != leverage) {
    const Margin margin = ComputeMargin(account_, marks());
    const auto at = margin.symbols.find(symbol);
    const MarginOfSymbol held = at == margin.symbols.end() ? MarginOfSymbol() : at->second;
    const int before = account_.symbol(symbol).leverage;
    if (leverage < before && held.isolated && !held.notional.is_zero()) {
      return ApiError{-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions"};
    }
    if (held.worst_notional > of->rules().MaxNotional(leverage)) {
      return ApiError{-2027, "Exceeded the maximum allowable position at current leverage."};
    }
    const Decimal initial = held.position_margin + held.order_margin;
    const Decimal needed = initial.Times(Decimal::FromInt(before)).DividedBy(Decimal::FromInt(leverage));
    if (needed > initial && needed - initial > margin.available) {
      return ApiError{-2028, "Leverage is smaller than permitted: insufficient margin balance."};
    }
    Commit(LeverageSet{symbol, leverage});
    Tell(LeverageEvent{symbol, leverage});
  }
  return leverage;
}

std::optional<ApiError> Engine::SetMarginType(const std::string& symbol, bool isolated) {
  if (market(symbol) == nullptr) {
    return UnknownSymbol();
  }
  const Account::Symbol& held = account_.symbol(symbol);
  if (held.isolated == isolated) {
    return ApiError{-4046, "No need to change margin type."};
  }
  if (resting_.at(symbol).size() > 0) {
    return ApiError{-4047, "Margin type cannot be changed if there exists open orders."};
  }
  if (!held.position.is_flat()) {
    return ApiError{-4048, "Margin type cannot be changed if there exists position."};
  }
  Commit(MarginTypeSet{symbol, isolated});
  return std::nullopt;
}

}  // namespace quantum::paper
