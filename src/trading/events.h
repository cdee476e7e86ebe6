#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "trading/order.h"
#include "trading/types.h"

// The events of the platform: names, and the payloads that cross from one service to another. Every payload has
// ToJson and Parse<Name>; unknown fields are ignored, a missing or malformed required field is kInvalidArgument naming
// it (the bus sends such an event to the dead letters). Times are milliseconds since the epoch, UTC, unless named _ns.
namespace quantum::trading::event {

inline constexpr std::string_view kMarketTick = "market.tick";
inline constexpr std::string_view kMarketKline = "market.kline";
inline constexpr std::string_view kMarketGap = "market.gap";
inline constexpr std::string_view kSignalGenerated = "ai.signal_generated";
inline constexpr std::string_view kDecisionMade = "ai.decision.made";
inline constexpr std::string_view kStrategySelected = "strategy.selected";
inline constexpr std::string_view kSizingDecided = "sizing.decided";
inline constexpr std::string_view kRiskApproved = "risk.approved";
inline constexpr std::string_view kRiskRejected = "risk.rejected";
inline constexpr std::string_view kOrderPlaced = "order.placed";
inline constexpr std::string_view kOrderPartiallyFilled = "order.partially_filled";
inline constexpr std::string_view kOrderFilled = "order.filled";
inline constexpr std::string_view kOrderCanceled = "order.canceled";
inline constexpr std::string_view kOrderFailed = "order.failed";
inline constexpr std::string_view kOrderUnknown = "order.unknown";
inline constexpr std::string_view kTradeOpened = "trade.opened";
inline constexpr std::string_view kTradeClosed = "trade.closed";
inline constexpr std::string_view kPositionUpdated = "position.updated";
inline constexpr std::string_view kPortfolioSnapshot = "portfolio.snapshot_updated";
inline constexpr std::string_view kPortfolioPnl = "portfolio.pnl_updated";
inline constexpr std::string_view kPortfolioDrawdown = "portfolio.drawdown_updated";
inline constexpr std::string_view kPortfolioExposure = "portfolio.exposure_updated";
inline constexpr std::string_view kPolicyUpdated = "policy.updated";
inline constexpr std::string_view kPolicyModeChanged = "policy.mode_changed";
inline constexpr std::string_view kEssTripped = "ess.tripped";
inline constexpr std::string_view kEssStateChanged = "ess.state_changed";
inline constexpr std::string_view kEssRearmed = "ess.rearmed";
inline constexpr std::string_view kModelTrainingStarted = "model.training_started";
inline constexpr std::string_view kModelTrainingCompleted = "model.training_completed";
inline constexpr std::string_view kModelPromoted = "model.promoted";
inline constexpr std::string_view kModelRegressed = "model.regressed";
inline constexpr std::string_view kDataDriftDetected = "data.drift_detected";
inline constexpr std::string_view kHealthSnapshot = "health.snapshot_updated";
inline constexpr std::string_view kHealthAlertRaised = "health.alert_raised";
inline constexpr std::string_view kHealthAlertCleared = "health.alert_cleared";
inline constexpr std::string_view kSystemMaintenance = "system.maintenance";

// Every type above; all are durable but market.tick.
const std::vector<std::string_view>& AllTypes();
bool IsVolatile(std::string_view type);

// The newest price, sent after trades and after changes of the best bid or ask.
struct Tick {
  std::string symbol;
  Decimal price;  // of the last trade, as are quantity and trade_id
  Decimal quantity;
  std::optional<Decimal> bid;  // absent while unknown, as is ask
  std::optional<Decimal> ask;
  std::optional<Decimal> mark_price;  // the venue's
  int64_t trade_id = 0;
  int64_t time_ms = 0;  // market time, the newest of the symbol
  std::string source;   // where the market comes from: "live", "synthetic", "recording"
};

struct Kline {
  std::string symbol;
  std::string interval;  // "1m"
  int64_t open_time = 0;
  Decimal open;
  Decimal high;
  Decimal low;
  Decimal close;
  Decimal volume;  // base currency
  int64_t trades = 0;
  Decimal taker_buy;  // base currency bought by takers
  bool closed = false;
  int late_trades = 0;  // that came after the bar was closed and are not in it
  std::string source;   // as in Tick
};

struct Gap {
  std::string symbol;
  int64_t from = 0;
  int64_t to = 0;
  bool filled = false;
  std::string source;  // as in Tick
};

struct Vote {
  std::string model;
  double signal = 0;      // -1 sell … 1 buy
  double confidence = 0;  // 0 … 1
};

struct Signal {
  std::string symbol;
  std::string timeframe;    // "1m"
  std::string action;       // "BUY", "SELL", "HOLD"
  double probability = 0;   // of the action
  double disagreement = 0;  // 0 … 1, spread of the votes
  std::vector<Vote> votes;
  std::string model_hash;  // of the ensemble's configuration and feature schema
  std::string regime;      // "TREND_UP", "TREND_DOWN", "RANGE", "VOLATILE"
  int64_t time = 0;
};

// What a decision wants. A close is a type of its own and always reduce-only (pains.md 1).
enum class Intent { kOpen, kClose };
std::string_view ToString(Intent intent);  // "OPEN", "CLOSE"

// A part of the position that is closed when the market reaches the price.
struct TakeProfit {
  Decimal price;
  Decimal share;  // of what was entered, in (0, 1]
};

struct Decision {
  std::string decision_id;
  std::string symbol;
  Intent intent = Intent::kOpen;
  Side side = Side::kBuy;                    // of the order: closing a long is SELL
  Decimal quantity;                          // base currency, > 0
  Decimal reference_price;                   // the price the decision was made at
  std::optional<Decimal> price;              // limit; absent: market
  std::optional<TimeInForce> time_in_force;  // of a limit; absent: GTC. GTX: post-only
  // Of a market entry: so far from the reference price it may be filled and no further, in percent; the rest is not
  // entered. Absent: at any price.
  std::optional<Decimal> slippage_percent;
  int leverage = 1;
  std::optional<Decimal> stop_loss;      // required for OPEN
  std::optional<Decimal> take_profit;    // of the whole position
  std::vector<TakeProfit> take_profits;  // instead of take_profit: in parts, whose shares add up to one at most
  std::optional<Decimal> trail;          // percent, 0.1 to 10: a trailing stop beside the fixed one
  double confidence = 0;
  int64_t expires_at = 0;  // ms; an expired decision is refused
  std::string model;
  std::string strategy;
  std::string regime;
  std::string mode;  // PAPER, TESTNET, LIVE: stamped on every order
};

// The decision travels with its approval, so that execution needs nothing else.
struct Approval {
  Decision decision;
  std::string reservation_id;  // empty for a close
  int64_t policy_version = 0;
};

struct Refusal {
  std::string code;    // NOTIONAL_EXCEEDS_MAX
  std::string detail;  // "max=1000 got=1250.5"
};

struct Rejection {
  std::string decision_id;
  std::string symbol;
  std::vector<Refusal> refusals;
};

struct OrderUpdate {
  std::string client_order_id;
  std::string exchange_order_id;
  std::string decision_id;
  std::string symbol;
  Leg leg = Leg::kEntry;
  Side side = Side::kBuy;
  OrderType order_type = OrderType::kMarket;
  OrderStatus status = OrderStatus::kNew;  // as the exchange reports it
  Decimal quantity;
  Decimal filled_quantity;
  Decimal average_price;
  Decimal fee;
  bool reduce_only = false;
  int64_t order_version = 0;
  std::string reason;
  int64_t time = 0;
};

struct TradeUpdate {
  std::string trade_id;
  std::string symbol;
  Side side = Side::kBuy;  // of the entry: BUY is LONG
  std::string status;      // as in the table trades
  Decimal quantity;
  int leverage = 1;
  Decimal entry_price;
  int64_t entry_time = 0;
  Decimal exit_price;  // zero while open
  int64_t exit_time = 0;
  Decimal realized_pnl;  // net of fees and funding
  Decimal fees;
  Decimal funding;           // paid; negative: received
  std::string close_reason;  // STOP_LOSS, TAKE_PROFIT, SIGNAL, MANUAL, EMERGENCY, LIQUIDATION, NETTED, RECONCILED
  std::string model;
  std::string strategy;
  std::string reservation_id;
};

struct PositionUpdate {
  std::string symbol;
  Decimal quantity;  // signed
  Decimal entry_price;
  bool is_protected = false;  // "protected" in JSON: a live exchange stop exists
  Decimal realized_pnl;       // since the start of the account, before fees and funding
  Decimal fees;
  Decimal funding;  // paid since the start of the account; negative: received
  int64_t time = 0;
};

// What the emergency stop is judged on, as it was known at a change. Absent: not known then.
struct EssMetrics {
  std::optional<Decimal> daily_drawdown_percent;
  std::optional<Decimal> open_loss_percent;
  int execution_errors = 0;  // within the window
  int64_t positions_unprotected = 0;
  std::optional<int64_t> unprotected_ms_max;  // how long the one longest without its stop has been so
  std::optional<int64_t> account_age_ms;
  std::optional<int64_t> market_age_ms_max;  // of the symbol whose price is oldest
};

struct EssChange {
  std::string from;
  std::string to;
  std::string reason;
  std::string by;  // "risk-safety", or who did it by hand
  std::optional<EssMetrics> metrics;
  int64_t time = 0;
};

std::string ToJson(const Tick& payload);
std::string ToJson(const Kline& payload);
std::string ToJson(const Gap& payload);
std::string ToJson(const Signal& payload);
std::string ToJson(const Decision& payload);
std::string ToJson(const Approval& payload);
std::string ToJson(const Rejection& payload);
std::string ToJson(const OrderUpdate& payload);
std::string ToJson(const TradeUpdate& payload);
std::string ToJson(const PositionUpdate& payload);
std::string ToJson(const EssChange& payload);

Result<Tick> ParseTick(std::string_view json);
Result<Kline> ParseKline(std::string_view json);
Result<Gap> ParseGap(std::string_view json);
Result<Signal> ParseSignal(std::string_view json);
Result<Decision> ParseDecision(std::string_view json);
Result<Approval> ParseApproval(std::string_view json);
Result<Rejection> ParseRejection(std::string_view json);
Result<OrderUpdate> ParseOrderUpdate(std::string_view json);
Result<TradeUpdate> ParseTradeUpdate(std::string_view json);
Result<PositionUpdate> ParsePositionUpdate(std::string_view json);
Result<EssChange> ParseEssChange(std::string_view json);

}  // namespace quantum::trading::event
