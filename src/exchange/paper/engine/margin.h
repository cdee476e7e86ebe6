#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "exchange/paper/engine/account.h"
#include "exchange/paper/engine/api_error.h"

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

// Margin as Binance reports it in one-way mode: a position needs |quantity| * mark / leverage; open orders need what
// the worse of their two sides adds to it at their prices. Reduce-only orders need none. An isolated position stands
// with its own wallet, all others with what is left of the account's.
struct MarginOfSymbol {
  Decimal notional;  // signed, at the mark price
  Decimal unrealized_pnl;
  Decimal position_margin;
  Decimal order_margin;
  Decimal maintenance_margin;
  Decimal worst_notional;  // when the open orders of the worse side are filled
  bool isolated = false;
  Decimal isolated_wallet;
  Decimal liquidation_price;  // mark price at which it is liquidated while the rest stays; zero: none

  Decimal isolated_balance() const { return isolated_wallet + unrealized_pnl; }
};
struct Margin {
  std::map<std::string, MarginOfSymbol> symbols;
  Decimal unrealized_pnl;
  Decimal position_margin;
  Decimal order_margin;
  Decimal maintenance_margin;
  Decimal cross_wallet;
  Decimal cross_unrealized_pnl;
  Decimal cross_maintenance_margin;
  Decimal available;  // of the cross wallet and its unrealized result, what initial margins leave; not below zero

  Decimal cross_balance() const { return cross_wallet + cross_unrealized_pnl; }
  Decimal initial_margin() const { return position_margin + order_margin; }
};

using MarkPrices = std::map<std::string, Decimal>;

Margin ComputeMargin(const Account& account, const MarkPrices& marks);
// Whether the account can carry the order: what it frees is always allowed; what it adds must be covered, with its fee
// (-2019, or -2018 where there is no money at all), and within what the leverage allows (-2027).
std::optional<ApiError> RefusedForMargin(const Account& account, const MarkPrices& marks, const ProposedOrder& order);

}  // namespace quantum::paper
