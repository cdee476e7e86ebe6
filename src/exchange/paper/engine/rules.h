#pragma once

#include <optional>
#include <string_view>

#include "exchange/paper/engine/api_error.h"
#include "exchange/paper/engine/records.h"
#include "trading/types.h"

namespace quantum::paper {

// A symbol's filters as Binance's exchangeInfo gave them for the recorded time, with what the exchange itself needs.
struct PaperRules {
  trading::SymbolRules rules;
  std::string_view base_asset;
  int price_decimals = 2;  // of prices in messages
  int quantity_decimals = 3;
};

// BTCUSDT and ETHUSDT; null for others.
const PaperRules* FindRules(std::string_view symbol);

inline constexpr int kOrdersMax = 200;         // MAX_NUM_ORDERS: open orders of a symbol
inline constexpr int kAlgoOrdersMax = 200;     // MAX_NUM_ALGO_ORDERS: open conditional orders of the account
inline constexpr int kAmendmentsMax = 10'000;  // of one order
inline constexpr int kDefaultLeverage = 20;

// Fees of a regular user: https://www.binance.com/en/fee/futureFee, level VIP 0.
Decimal TakerFee();
Decimal MakerFee();

// The filters. `reference` is the price that the notional is judged by when the order has none.
std::optional<ApiError> CheckQuantity(const PaperRules& symbol, Decimal quantity, bool market);
std::optional<ApiError> CheckPrice(const PaperRules& symbol, Decimal price);
std::optional<ApiError> CheckPercentPrice(const PaperRules& symbol, Side side, Decimal price, Decimal mark_price);
std::optional<ApiError> CheckNotional(const PaperRules& symbol, Decimal quantity, Decimal reference);

}  // namespace quantum::paper
