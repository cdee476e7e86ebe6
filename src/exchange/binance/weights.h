#pragma once

// What a request weighs against the address' limit (X-MBX-USED-WEIGHT-1M), as its page in the venue's documentation
// says (developers.binance.com, USD-M futures, mid 2026). What has no name here weighs 1.
namespace quantum::binance::weight {

// Placing and amending orders, conditional ones too: they count as orders instead.
inline constexpr int kOrder = 0;
inline constexpr int kOpenOrdersOfAll = 40;
inline constexpr int kOpenOrdersOfOne = 1;  // symbol
inline constexpr int kHistory = 5;          // allOrders, allAlgoOrders, userTrades
inline constexpr int kAccount = 5;          // account, balance, positionRisk
inline constexpr int kSymbolConfig = 5;
inline constexpr int kPositionMode = 30;
inline constexpr int kIncome = 30;
inline constexpr int kCountdown = 10;

constexpr int Depth(int limit) { return limit <= 50 ? 2 : limit <= 100 ? 5 : limit <= 500 ? 10 : 20; }
constexpr int Klines(int limit) { return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10; }

}  // namespace quantum::binance::weight
