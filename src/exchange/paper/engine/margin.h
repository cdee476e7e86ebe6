#pragma once

#include <functional>
#include <map>
#include <string>

#include "exchange/paper/engine/account.h"

namespace quantum::paper {

// An order that is not in the account yet, for the question whether its margin suffices.
struct ProposedOrder {
  std::string symbol;
  Side side = Side::kBuy;
  Decimal quantity;
  Decimal price;  // what it is expected to cost at most
  Decimal fee;
  Decimal replaces;  // notional of the open order that it amends
};

// Margin as Binance reports it for cross margin and one-way mode: a position needs |quantity| * mark / leverage; open
// orders need what the worse of their two sides adds to it at their prices. Reduce-only orders need none.
struct MarginOfSymbol {
  Decimal notional;  // signed, at the mark price
  Decimal unrealized_pnl;
  Decimal position_margin;
  Decimal order_margin;
  Decimal maintenance_margin;
};
struct Margin {
  std::map<std::string, MarginOfSymbol> symbols;
  Decimal unrealized_pnl;
  Decimal position_margin;
  Decimal order_margin;
  Decimal maintenance_margin;
  Decimal available;  // wallet + unrealized - initial margins, not below zero

  Decimal initial_margin() const { return position_margin + order_margin; }
};

using MarkPrices = std::map<std::string, Decimal>;

Margin ComputeMargin(const Account& account, const MarkPrices& marks);
// Whether the account can carry the order: what it frees is always allowed; what it adds must be covered, with its fee.
bool MarginSuffices(const Account& account, const MarkPrices& marks, const ProposedOrder& order);

}  // namespace quantum::paper
