#include "exchange/paper/engine/margin.h"

#include <algorithm>

#include "exchange/paper/engine/rules.h"

namespace quantum::paper {
namespace {

Decimal ByLeverage(Decimal notional, int leverage) {
  return notional.DividedBy(Decimal::FromInt(leverage), trading::Rounding::kUp);
}

MarginOfSymbol MarginOf(const Account::Symbol& symbol, const PaperRules& rules, Decimal price, Decimal buys,
                        Decimal sells) {
  MarginOfSymbol of;
  of.notional = symbol.position.quantity.Times(price);
  of.unrealized_pnl = trading::UnrealizedPnl(symbol.position, price);
  of.position_margin = ByLeverage(of.notional.Abs(), symbol.leverage);
  of.worst_notional = std::max((of.notional + buys).Abs(), (of.notional - sells).Abs());
  of.order_margin = ByLeverage(std::max(Decimal(), of.worst_notional - of.notional.Abs()), symbol.leverage);
  of.maintenance_margin = rules.MaintenanceMargin(of.notional.Abs());
  of.isolated = symbol.isolated;
  of.isolated_wallet = symbol.isolated_wallet;
  return of;
}

// Where balance and maintenance margin meet, within the present bracket:
// balance + (p - mark) * q = |q| * p * rate - cumulative.
Decimal LiquidationPrice(const MarginOfSymbol& of, const PaperRules& rules, Decimal quantity, Decimal balance) {
  const LeverageBracket& bracket = rules.BracketOf(of.notional.Abs());
  const Decimal per_price = quantity.Abs().Times(bracket.maintenance_rate) - quantity;
  if (per_price.is_zero()) {
    return Decimal();
  }
  const auto price = (balance - of.notional + bracket.cumulative).CheckedDividedBy(per_price);
  return std::max(Decimal(), price.value_or(Decimal()));
}

Margin Compute(const Account& account, const MarkPrices& marks, const ProposedOrder* proposed) {
  Margin margin;
  margin.cross_wallet = account.wallet();
  const auto add = [&](const std::string& name, const Account::Symbol& symbol) {
    const PaperRules* rules = FindRules(name);
    QUANTUM_ASSERT(rules != nullptr);
    Decimal buys = symbol.open_buys;
    Decimal sells = symbol.open_sells;
    if (proposed != nullptr && proposed->symbol == name) {
      (proposed->side == Side::kBuy ? buys : sells) += proposed->price.Times(proposed->quantity) - proposed->replaces;
    }
    const auto mark = marks.find(name);
    MarginOfSymbol& of = margin.symbols[name];
    of = MarginOf(symbol, *rules, mark == marks.end() ? symbol.position.entry_price : mark->second, buys, sells);
    margin.unrealized_pnl += of.unrealized_pnl;
    margin.position_margin += of.position_margin;
    margin.order_margin += of.order_margin;
    margin.maintenance_margin += of.maintenance_margin;
    if (of.isolated) {
      margin.cross_wallet -= of.isolated_wallet;
      margin.available += of.position_margin;  // is in the isolated wallet, not in the cross one
    } else {
      margin.cross_unrealized_pnl += of.unrealized_pnl;
      margin.cross_maintenance_margin += of.maintenance_margin;
    }
  };
  for (const auto& [name, symbol] : account.symbols()) {
    add(name, symbol);
  }
  if (proposed != nullptr && !account.symbols().contains(proposed->symbol)) {
    add(proposed->symbol, account.symbol(proposed->symbol));
  }
  margin.available =
      std::max(Decimal(), margin.available + margin.cross_balance() - margin.position_margin - margin.order_margin);
  return margin;
}

}  // namespace

Margin ComputeMargin(const Account& account, const MarkPrices& marks) {
  Margin margin = Compute(account, marks, nullptr);
  for (auto& [name, of] : margin.symbols) {
    const trading::Position& position = account.symbol(name).position;
    if (!position.is_flat()) {
      const Decimal others = margin.cross_maintenance_margin - of.maintenance_margin;
      const Decimal balance = of.isolated ? of.isolated_balance() : margin.cross_balance() - others;
      of.liquidation_price = LiquidationPrice(of, *FindRules(name), position.quantity, balance);
    }
  }
  return margin;
}

std::optional<ApiError> RefusedForMargin(const Account& account, const MarkPrices& marks, const ProposedOrder& order) {
  const Margin before = Compute(account, marks, nullptr);
  const Margin after = Compute(account, marks, &order);
  const MarginOfSymbol& of = after.symbols.at(order.symbol);
  const auto held = before.symbols.find(order.symbol);
  const Decimal worst_before = held == before.symbols.end() ? Decimal() : held->second.worst_notional;
  if (of.worst_notional > worst_before &&
      of.worst_notional > FindRules(order.symbol)->MaxNotional(account.symbol(order.symbol).leverage)) {
    return ApiError{-2027, "Exceeded the maximum allowable position at current leverage."};
  }
  const Decimal added = after.initial_margin() - before.initial_margin();
  if (added.is_positive() && added + order.fee > before.available) {
    return account.wallet().is_positive() ? ApiError{-2019, "Margin is insufficient."}
                                          : ApiError{-2018, "Balance is insufficient."};
  }
  return std::nullopt;
}

}  // namespace quantum::paper
