#include "exchange/paper/engine/margin.h"

#include <algorithm>

#include "exchange/paper/engine/rules.h"

namespace quantum::paper {
namespace {

struct Exposure {
  Decimal buys;  // notional of open orders
  Decimal sells;
};

Decimal ByLeverage(Decimal notional, int leverage) {
  return notional.DividedBy(Decimal::FromInt(leverage), trading::Rounding::kUp);
}

Margin Compute(const Account& account, const MarkPrices& marks, const ProposedOrder* proposed) {
  std::map<std::string, Exposure> exposures;
  const auto expose = [&](const std::string& symbol, Side side, Decimal notional) {
    Exposure& exposure = exposures[symbol];
    (side == Side::kBuy ? exposure.buys : exposure.sells) += notional;
  };
  for (int64_t id : account.open_orders()) {
    const PaperOrder& order = *account.FindOrder(id);
    if (!order.reduce_only) {
      expose(order.symbol, order.side, order.price.Times(order.remaining()));
    }
  }
  if (proposed != nullptr) {
    expose(proposed->symbol, proposed->side, proposed->price.Times(proposed->quantity));
  }
  for (const auto& [name, symbol] : account.symbols()) {
    exposures[name];
  }

  Margin margin;
  for (const auto& [name, exposure] : exposures) {
    const Account::Symbol& symbol = account.symbol(name);
    const auto mark = marks.find(name);
    const Decimal price = mark == marks.end() ? symbol.position.entry_price : mark->second;
    MarginOfSymbol& of = margin.symbols[name];
    of.notional = symbol.position.quantity.Times(price);
    of.unrealized_pnl = trading::UnrealizedPnl(symbol.position, price);
    of.position_margin = ByLeverage(of.notional.Abs(), symbol.leverage);
    const Decimal worst = std::max((of.notional + exposure.buys).Abs(), (of.notional - exposure.sells).Abs());
    of.order_margin = ByLeverage(std::max(Decimal(), worst - of.notional.Abs()), symbol.leverage);
    if (const PaperRules* rules = FindRules(name)) {
      of.maintenance_margin = of.notional.Abs().Times(rules->rules.maintenance_margin_ratio);
    }
    margin.unrealized_pnl += of.unrealized_pnl;
    margin.position_margin += of.position_margin;
    margin.order_margin += of.order_margin;
    margin.maintenance_margin += of.maintenance_margin;
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
