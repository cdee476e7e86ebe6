#include "exchange/paper/engine/margin.h"

#include <algorithm>

#include "exchange/paper/engine/rules.h"

namespace quantum::paper {
namespace {

Decimal ByLeverage(Decimal notional, int leverage) {
  return notional.DividedBy(Decimal::FromInt(leverage), trading::Rounding::kUp);
}

Margin Compute(const Account& account, const MarkPrices& marks, const ProposedOrder* proposed) {
  Margin margin;
  const auto add = [&](const std::string& name, const Account::Symbol& symbol) {
    Decimal buys = symbol.open_buys;
    Decimal sells = symbol.open_sells;
    if (proposed != nullptr && proposed->symbol == name) {
      (proposed->side == Side::kBuy ? buys : sells) += proposed->price.Times(proposed->quantity) - proposed->replaces;
    }
    const auto mark = marks.find(name);
    const Decimal price = mark == marks.end() ? symbol.position.entry_price : mark->second;
    MarginOfSymbol& of = margin.symbols[name];
    of.notional = symbol.position.quantity.Times(price);
    of.unrealized_pnl = trading::UnrealizedPnl(symbol.position, price);
    of.position_margin = ByLeverage(of.notional.Abs(), symbol.leverage);
    const Decimal worst = std::max((of.notional + buys).Abs(), (of.notional - sells).Abs());
    of.order_margin = ByLeverage(std::max(Decimal(), worst - of.notional.Abs()), symbol.leverage);
    if (const PaperRules* rules = FindRules(name)) {
      of.maintenance_margin = of.notional.Abs().Times(rules->rules.maintenance_margin_ratio);
    }
    margin.unrealized_pnl += of.unrealized_pnl;
    margin.position_margin += of.position_margin;
    margin.order_margin += of.order_margin;
    margin.maintenance_margin += of.maintenance_margin;
  };
  for (const auto& [name, symbol] : account.symbols()) {
    add(name, symbol);
  }
  if (proposed != nullptr && !account.symbols().contains(proposed->symbol)) {
    add(proposed->symbol, account.symbol(proposed->symbol));
  }
  margin.available =
      std::max(Decimal(), account.wallet() + margin.unrealized_pnl - margin.position_margin - margin.order_margin);
  return margin;
}

}  // namespace

Margin ComputeMargin(const Account& account, const MarkPrices& marks) { return Compute(account, marks, nullptr); }

bool MarginSuffices(const Account& account, const MarkPrices& marks, const ProposedOrder& order) {
  const Margin before = Compute(account, marks, nullptr);
  const Margin after = Compute(account, marks, &order);
  const Decimal added = after.initial_margin() - before.initial_margin();
  return !added.is_positive() || added + order.fee <= before.available;
}

}  // namespace quantum::paper
