#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "services/risk_safety/checks.h"

// What trips the emergency stop by itself, without I/O. Each condition is judged on what is known; what is not known
// yet trips nothing (it refuses entries in checks.h instead).
namespace quantum::risk_safety {

struct ConditionLimits {
  Decimal open_loss_percent_max = Decimal::FromInt(10);  // unrealized loss, of equity without it
  int execution_errors_max = 5;
  Duration execution_errors_window = std::chrono::minutes(15);
  Duration market_stale_max = std::chrono::seconds(60);  // while positions are open
  Duration unprotected_max = std::chrono::seconds(15);
};

class Conditions {
 public:
  explicit Conditions(ConditionLimits limits) : limits_(limits) {}

  void OnExecutionError(SteadyTime now);
  void OnPosition(const std::string& symbol, Decimal quantity, bool is_protected, SteadyTime now);

  struct Facts {
    std::optional<AccountView> account;
    Decimal unrealized_pnl;
    Decimal daily_drawdown_percent_max;
    std::map<std::string, Duration> market_age;  // by symbol
    SteadyTime now;
  };
  // "DAILY_DRAWDOWN: max_percent=5 got=5.2", or nothing.
  std::optional<std::string> Evaluate(const Facts& facts);

 private:
  struct Held {
    Decimal quantity;
    std::optional<SteadyTime> unprotected_since;
  };
  ConditionLimits limits_;
  std::deque<SteadyTime> errors_;
  std::map<std::string, Held> positions_;
};

}  // namespace quantum::risk_safety
