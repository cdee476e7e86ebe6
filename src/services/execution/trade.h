#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "trading/events.h"
#include "trading/order.h"
#include "trading/position.h"
#include "trading/types.h"

// One trade: an entry, its protection and its exits, as a row of the table `trades`. Sans-I/O. Built from fills alone.
namespace quantum::execution {

using trading::Decimal;
using trading::Side;

enum class TradeStatus { kPending, kOpen, kPartialTp, kClosed, kCancelled, kFailed };
std::string_view ToString(TradeStatus status);  // "PENDING", "OPEN", "PARTIAL_TP", "CLOSED", "CANCELLED", "FAILED"
Result<TradeStatus> ParseTradeStatus(std::string_view text);
inline bool IsDone(TradeStatus status) {
  return status == TradeStatus::kClosed || status == TradeStatus::kCancelled || status == TradeStatus::kFailed;
}

// Why a trade was closed, as the column close_reason says it.
inline constexpr std::string_view kByStopLoss = "STOP_LOSS";
inline constexpr std::string_view kByTakeProfit = "TAKE_PROFIT";
inline constexpr std::string_view kByTrailingStop = "TRAILING_STOP";
inline constexpr std::string_view kBySignal = "SIGNAL";
inline constexpr std::string_view kByHand = "MANUAL";
inline constexpr std::string_view kByEmergency = "EMERGENCY";
inline constexpr std::string_view kByLiquidation = "LIQUIDATION";
inline constexpr std::string_view kByNetting = "NETTED";  // by the entry of the other side: the venue has one position
inline constexpr std::string_view kByReconciliation = "RECONCILED";  // gone at the venue without a fill that we can see

struct Trade {
  std::string trade_id;  // the decision's id; "adopted-SYMBOL-…" for a position found at the venue
  std::string symbol;
  Side side = Side::kBuy;  // of the entry
  TradeStatus status = TradeStatus::kPending;
  Decimal planned_quantity;
  int leverage = 1;
  std::optional<Decimal> stop_loss;
  std::optional<Decimal> take_profit;               // of the first target
  std::vector<trading::event::TakeProfit> targets;  // at different prices
  std::optional<Decimal> trail_percent;

  trading::Position position;  // what is open of it; realized_pnl is the price difference, before fees
  Decimal entry_quantity;      // filled so far
  Decimal entry_notional;      // sum of price times quantity
  Decimal exit_quantity;
  Decimal exit_notional;
  Decimal entry_fee;
  Decimal exit_fee;
  Decimal funding;  // paid; negative: received
  WallTime entry_time{};
  WallTime exit_time{};
  std::string close_reason;

  double confidence = 0;
  std::string model;
  std::string strategy;
  std::string regime;
  std::string reservation_id;
  std::string correlation_id;
  int64_t expires_at = 0;  // ms; of the decision
  std::string exchange_order_id;
  std::string stop_order_id;         // client order id of the newest stop
  std::string take_profit_order_id;  // client order id of the newest take-profit
  WallTime created{};
  WallTime updated{};

  Decimal open_quantity() const { return position.quantity.Abs(); }
  Decimal entry_price() const;  // average; zero before the first fill
  Decimal exit_price() const;
  Decimal fees() const { return entry_fee + exit_fee; }
  // Price difference times quantity, less fees and funding (leverage is in the quantity already).
  Decimal net_pnl() const { return position.realized_pnl - fees() - funding; }
  // Net result in units of what was risked: entry to stop times quantity. Nothing without a stop or a fill.
  std::optional<Decimal> r_multiple() const;
  // Net result as a percentage of the margin; nothing before the first fill.
  std::optional<Decimal> pnl_percent() const;
  Decimal margin() const;  // entry notional by leverage
};

// A fill of the entry order.
void Enter(Trade& trade, Decimal quantity, Decimal price, Decimal fee, WallTime time);

// A fill of an exit. Precondition: 0 < quantity <= open_quantity(). The trade stays open, even flat, until Settle().
void Exit(Trade& trade, Decimal quantity, Decimal price, Decimal fee, WallTime time, std::string_view reason);

// Ends what can end: a flat trade whose entry is final becomes CLOSED (it was filled), CANCELLED or FAILED (it never
// was). True when the status changed.
bool Settle(Trade& trade, trading::OrderStatus entry_status, WallTime time);

trading::event::TradeUpdate ToEvent(const Trade& trade);

}  // namespace quantum::execution
