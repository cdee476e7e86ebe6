#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "trading/decimal.h"

namespace quantum::trading {

enum class Side { kBuy, kSell };
std::string_view ToString(Side side);  // "BUY", "SELL"
Result<Side> ParseSide(std::string_view text);
inline Side Opposite(Side side) { return side == Side::kBuy ? Side::kSell : Side::kBuy; }
inline int SignOf(Side side) { return side == Side::kBuy ? 1 : -1; }

// What an order is for. Closing is a purpose of its own and always reduce-only.
enum class Leg { kEntry, kStopLoss, kTakeProfit, kTrailingStop, kClose };
std::string_view ToString(Leg leg);  // "ENTRY", "STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP", "CLOSE"
// Waits at the venue for a price and can only reduce.
inline bool IsProtective(Leg leg) {
  return leg == Leg::kStopLoss || leg == Leg::kTakeProfit || leg == Leg::kTrailingStop;
}
Result<Leg> ParseLeg(std::string_view text);

enum class OrderType { kMarket, kLimit, kStopMarket, kTakeProfitMarket, kTrailingStop };
std::string_view ToString(OrderType type);  // as Binance spells it: "MARKET", "LIMIT", "STOP_MARKET", …
Result<OrderType> ParseOrderType(std::string_view text);
// Conditional orders wait at the venue for their trigger (algo orders on Binance since 2025-12-09).
inline bool IsConditional(OrderType type) {
  return type == OrderType::kStopMarket || type == OrderType::kTakeProfitMarket || type == OrderType::kTrailingStop;
}

enum class TimeInForce { kGtc, kIoc, kFok, kGtx };  // GTX: post-only
std::string_view ToString(TimeInForce tif);
Result<TimeInForce> ParseTimeInForce(std::string_view text);

// A symbol's trading rules, from the venue's exchangeInfo; never assumed.
struct SymbolRules {
  std::string symbol;   // "BTCUSDT"
  bool trading = true;  // false: halted at the venue; nothing opens
  Decimal tick_size;    // prices are multiples of it
  Decimal step_size;    // quantities are multiples of it
  Decimal min_quantity;
  Decimal max_quantity;         // of limit orders
  Decimal market_max_quantity;  // of market orders
  Decimal min_price;
  Decimal max_price;
  Decimal min_notional;  // price times quantity, quote currency; reduce-only orders are exempt
  Decimal price_up;      // PERCENT_PRICE: limit price at most mark * price_up …
  Decimal price_down;    // … and at least mark * price_down
  int leverage_max = 20;
  Decimal maintenance_margin_ratio;  // of the lowest bracket
};

}  // namespace quantum::trading
