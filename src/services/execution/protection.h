#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "services/execution/plan.h"

// Which protective orders must stand for a trade, and what to do to get there. Sans-I/O; called after every change and
// on a timer until nothing is left to do. New protection stands before old protection is cancelled (pains.md 3).
namespace quantum::execution {

struct ProtectionLimits {
  // An unproven stop is trusted for so long; then another is placed (both are reduce-only: at worst one is surplus).
  Duration unknown_trusted = std::chrono::seconds(1);
  Duration triggered_trusted = std::chrono::seconds(5);  // a triggered stop's market order is on its way
  Duration retry_stop = std::chrono::seconds(1);         // after a refusal
  Duration retry_take_profit = std::chrono::seconds(10);
  int take_profit_attempts_max = 5;                 // refusals in a row; the stop is never given up
  Duration close_after = std::chrono::seconds(15);  // a trade unprotected for so long is closed
  // After a close that took nothing; doubles with each.
  Duration retry_close = std::chrono::seconds(1);
  Duration retry_close_max = std::chrono::seconds(8);
};

struct ProtectionInput {
  const Trade& trade;
  std::vector<const Order*> orders;  // of this trade, every leg
  WallTime now{};
  Duration unprotected_for{};  // while the venue answered orders
  Decimal closing;             // what close orders under way for the symbol will still take
  Decimal step;                // of the symbol's quantities; zero: not known
  // A request about this order is under way (being sent, or a cancel asked a moment ago): leave it alone.
  std::function<bool(const Order&)> busy;
};

struct ProtectionActions {
  bool is_protected = false;         // a live stop covers all that is open (true when flat)
  std::optional<Order> stop;         // to be recorded as INTENT and sent
  std::vector<Order> exits;          // the same: take-profits and trailing stop
  std::vector<std::string> cancel;   // live and not wanted any more
  std::vector<std::string> discard;  // intents that will never be sent
  // Nothing is to be done, and nothing will be before something changes: time alone brings no more work.
  bool settled = false;
  std::string close_reason;  // not empty: close so much of what is open, now
  Decimal close_quantity;
};

ProtectionActions PlanProtection(const ProtectionInput& input, const ProtectionLimits& limits);

}  // namespace quantum::execution
