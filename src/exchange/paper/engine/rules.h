#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/paper/engine/api_error.h"
#include "exchange/paper/engine/records.h"
#include "trading/types.h"

namespace quantum::paper {

// One tier of notional: up to `cap` at most this leverage may be set, and this part of the notional in the tier is
// maintenance margin.
struct LeverageBracket {
  int leverage_max = 0;
  Decimal cap;  // USDT, inclusive
  Decimal maintenance_rate;
  Decimal floor;       // the cap of the bracket before
  Decimal cumulative;  // what notional * maintenance_rate is too much
};

// A symbol's filters as Binance's exchangeInfo gave them for the recorded time, with what the exchange itself needs.
struct PaperRules {
  trading::SymbolRules rules;
  std::string base_asset;
  int price_decimals = 2;  // of prices in messages
  int quantity_decimals = 3;
  std::vector<LeverageBracket> brackets;  // ascending by cap

  // Of a position of this notional (unsigned).
  const LeverageBracket& BracketOf(Decimal notional) const;
  Decimal MaintenanceMargin(Decimal notional) const;
  // The most that position and open orders may be worth at a leverage.
  Decimal MaxNotional(int leverage) const;
};

// BTCUSDT and ETHUSDT as recorded, ten further ones (rules.cpp), and those that are made up (calibration.h); null for
// others.
const PaperRules* FindRules(std::string_view symbol);

inline constexpr int kOrdersMax = 200;         // MAX_NUM_ORDERS: open orders of a symbol
inline constexpr int kAlgoOrdersMax = 200;     // MAX_NUM_ALGO_ORDERS: open conditional orders of the account
inline constexpr int kAmendmentsMax = 10'000;  // of one order
inline constexpr int kDefaultLeverage = 20;

// Fees of a regular user: https://www.binance.com/en/fee/futureFee, level VIP 0.
Decimal TakerFee();
Decimal MakerFee();
Decimal LiquidationFee();  // exchangeInfo's liquidationFee

// The filters. `reference` is the price that the notional is judged by when the order has none.
std::optional<ApiError> CheckQuantity(const PaperRules& symbol, Decimal quantity, bool market);
std::optional<ApiError> CheckPrice(const PaperRules& symbol, Decimal price);
std::optional<ApiError> CheckPercentPrice(const PaperRules& symbol, Side side, Decimal price, Decimal mark_price);
std::optional<ApiError> CheckNotional(const PaperRules& symbol, Decimal quantity, Decimal reference);

}  // namespace quantum::paper
