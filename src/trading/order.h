#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "trading/types.h"

namespace quantum::trading {

// Where an order is. Fed only by what the exchange reports (pains.md 2); kIntent and kUnknown are the platform's own
// words for "committed, not known to be sent" and "sent, no answer: ask, never guess".
enum class OrderStatus {
  kIntent,
  kUnknown,
  kNew,
  kPartiallyFilled,
  kFilled,
  kCanceled,
  kExpired,    // also: rejected by the engine after it was accepted
  kRejected,   // the venue refused it; nothing happened
  kTriggered,  // a conditional order that became a market order; its fills follow under the order it spawned
};
std::string_view ToString(OrderStatus status);  // "NEW", "PARTIALLY_FILLED", …
Result<OrderStatus> ParseOrderStatus(std::string_view text);
inline bool IsFinal(OrderStatus status) {
  return status == OrderStatus::kFilled || status == OrderStatus::kCanceled || status == OrderStatus::kExpired ||
         status == OrderStatus::kRejected || status == OrderStatus::kTriggered;
}

// One execution, identified by the venue's trade id (unique per symbol).
struct Fill {
  std::string symbol;
  int64_t trade_id = 0;
  std::string client_order_id;
  std::string exchange_order_id;
  Side side = Side::kBuy;
  Decimal price;
  Decimal quantity;       // > 0
  Decimal fee;            // in fee_asset; positive is paid
  std::string fee_asset;  // "USDT"
  Decimal realized_pnl;   // as the venue computed it
  bool maker = false;
  WallTime time{};  // the venue's clock
};

// What the exchange says of an order, from any source (answer, user stream, query). Cumulative numbers, so that
// repeats and reordering do no harm.
struct OrderReport {
  std::string symbol;
  std::string client_order_id;
  std::string exchange_order_id;
  OrderStatus status = OrderStatus::kNew;
  Decimal filled_quantity;  // cumulative
  Decimal average_price;
  WallTime time{};           // the venue's update time
  std::optional<Fill> fill;  // the execution that this report announces
};

struct Order {
  std::string client_order_id;    // deterministic: ClientOrderId(decision, leg)
  std::string exchange_order_id;  // empty until the venue told it
  std::string decision_id;
  std::string correlation_id;
  std::string symbol;
  Leg leg = Leg::kEntry;
  Side side = Side::kBuy;
  OrderType type = OrderType::kMarket;
  TimeInForce time_in_force = TimeInForce::kGtc;
  Decimal quantity;
  Decimal price;             // limit price; zero for others
  Decimal trigger_price;     // of conditional orders; zero for others, and for trailing stops
  Decimal callback_percent;  // of trailing stops: the distance at which they follow the price
  bool reduce_only = false;
  OrderStatus status = OrderStatus::kIntent;
  Decimal filled_quantity;
  Decimal average_price;
  Decimal fee;          // paid so far
  int64_t version = 0;  // counts changes; order events carry it
  std::string reason;   // of a refusal
  WallTime created{};
  WallTime updated{};
};

// What a report changed.
enum class Change {
  kNone,    // a repeat, or older than what is known
  kStatus,  // the status advanced
  kFill,    // the filled quantity grew (the status may have advanced too)
};

// Applies a report. Reports only ever move an order forward: the filled quantity never shrinks and a final status never
// changes, except that a late fill may still complete a cancelled or expired order's filled quantity (the cancel and
// the fill raced). A report for another order, or one that fills more than the quantity, is kInvalidArgument and
// changes nothing: the caller raises it and asks the venue.
Result<Change> Apply(Order& order, const OrderReport& report);

// "qt-" + 128 bits of SHA-256 over decision and leg in base32 + leg letter: the same decision and leg always give the
// same id, and it fits the venue's ^[\.A-Z\:/a-z0-9_-]{1,36}$.
std::string ClientOrderId(std::string_view decision_id, Leg leg, int part = 0);

}  // namespace quantum::trading
