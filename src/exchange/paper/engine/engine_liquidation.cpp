// Margin calls, and positions closed by force.
#include <fmt/format.h>

#include <algorithm>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

const Decimal kCallRatio = "0.8"_dec;  // of the balance that the maintenance margin takes

}  // namespace

std::vector<Engine::MarginPool> Engine::MarginPools(const Margin& margin) const {
  std::vector<MarginPool> pools;
  MarginPool cross{"", margin.cross_balance(), margin.cross_maintenance_margin, {}};
  for (const auto& [name, of] : margin.symbols) {
    const SymbolMarket* of_symbol = market(name);
    if (of.notional.is_zero() || of_symbol == nullptr || !of_symbol->ready()) {
      continue;  // without a price nobody can be closed
    }
    if (of.isolated) {
      pools.push_back({name, of.isolated_balance(), of.maintenance_margin, {name}});
    } else {
      cross.symbols.push_back(name);
    }
  }
  if (!cross.symbols.empty()) {
    pools.push_back(std::move(cross));
  }
  return pools;
}

void Engine::WatchMargin(int64_t now_ms) {
  const Margin margin = ComputeMargin(account_, marks());
  for (const MarginPool& pool : MarginPools(margin)) {
    if (pool.maintenance_margin < std::max(Decimal(), pool.balance).Times(kCallRatio)) {
      called_.erase(pool.isolated_symbol);
      continue;
    }
    if (called_.insert(pool.isolated_symbol).second) {
      MarginCallEvent call;
      if (pool.isolated_symbol.empty()) {
        call.cross_wallet = margin.cross_wallet;
      }
      for (const std::string& name : pool.symbols) {
        const MarginOfSymbol& of = margin.symbols.at(name);
        call.positions.push_back({name, account_.symbol(name).position.quantity, of.isolated, of.isolated_wallet,
                                  markets_.at(name).mark_price(), of.unrealized_pnl, of.maintenance_margin});
      }
      Tell(std::move(call));
    }
    if (pool.maintenance_margin >= pool.balance) {
      Liquidate(pool.isolated_symbol, now_ms);
    }
  }
}

void Engine::Liquidate(const std::string& isolated_symbol, int64_t now_ms) {
  for (const auto& [symbol, market] : markets_) {
    if (isolated_symbol.empty() ? !account_.symbol(symbol).isolated : symbol == isolated_symbol) {
      CancelAll(symbol, now_ms);
    }
  }
  // The position that needs most goes first, and no more go than must.
  for (;;) {
    const Margin margin = ComputeMargin(account_, marks());
    const std::vector<MarginPool> pools = MarginPools(margin);
    const auto pool = std::find_if(pools.begin(), pools.end(),
                                   [&](const MarginPool& one) { return one.isolated_symbol == isolated_symbol; });
    if (pool == pools.end() || pool->maintenance_margin < pool->balance) {
      return;
    }
    const auto needs = [&](const std::string& name) { return margin.symbols.at(name).maintenance_margin; };
    CloseByForce(*std::max_element(pool->symbols.begin(), pool->symbols.end(),
                                   [&](const auto& a, const auto& b) { return needs(a) < needs(b); }),
                 pool->balance, now_ms);
  }
}

void Engine::LiquidateNow(const std::string& symbol, int64_t now_ms) {
  const SymbolMarket* of = market(symbol);
  const Decimal held = of == nullptr ? Decimal() : account_.symbol(symbol).position.quantity.Abs();
  if (held.is_positive() && of->ready()) {
    CancelAll(symbol, now_ms);
    CloseByForce(symbol, held.Times(of->mark_price()).DividedBy(Decimal::FromInt(100)), now_ms);
  }
}

void Engine::CloseByForce(const std::string& symbol, Decimal balance, int64_t now_ms) {
  SymbolMarket& market = markets_.at(symbol);
  const Decimal held = account_.symbol(symbol).position.quantity;
  const bool sells = held.is_positive();
  const Decimal tick = market.rules().rules.tick_size;
  // The price at which nothing is left of the balance.
  const Decimal distance = balance.DividedBy(held.Abs(), sells ? trading::Rounding::kDown : trading::Rounding::kUp);
  const Decimal ruin = (sells ? market.mark_price() - distance : market.mark_price() + distance)
                           .RoundTo(tick, sells ? trading::Rounding::kUp : trading::Rounding::kDown);
  PaperOrder order;
  order.client_id = fmt::format("autoclose-{}", account_.next_order_id());
  order.symbol = symbol;
  order.side = sells ? Side::kSell : Side::kBuy;
  order.original_type = "LIMIT";
  order.time_in_force = TimeInForce::kIoc;
  order.quantity = held.Abs();
  order.price = std::max(tick, ruin);
  order.reduce_only = true;
  order.self_trade = SelfTradePrevention::kNone;
  order.created_ms = order.updated_ms = now_ms;
  order = Accept(std::move(order));
  for (const SymbolMarket::Offer& offer : market.Offers(order.side, order.price, order.quantity)) {
    const Decimal wanted = std::min(offer.quantity, account_.FindOrder(order.order_id)->remaining());
    market.Take(order.side, offer.price, Fill(order.order_id, offer.price, wanted, Role::kLiquidated, now_ms));
  }
  // What nobody takes at that price the insurance fund takes over.
  const Decimal left = account_.FindOrder(order.order_id)->remaining();
  if (left.is_positive()) {
    Fill(order.order_id, order.price, left, Role::kLiquidated, now_ms);
  }
  TrimReduceOnly(symbol, now_ms);
}

}  // namespace quantum::paper
