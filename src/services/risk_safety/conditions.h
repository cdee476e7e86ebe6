#pragma once

#include <map>
#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "services/risk_safety/checks.h"

// What trips the emergency stop by itself, without I/O. Each condition is judged on what is known; what is not known
// yet trips nothing (it refuses entries in checks.h instead), and lets nothing pass either.
namespace quantum::risk_safety {

struct ConditionLimits {
  Decimal open_loss_percent_max = Decimal::FromInt(10);  // unrealized loss, of equity without it
  int execution_errors_max = 5;
  Duration execution_errors_window = std::chrono::minutes(15);
  Duration market_stale_max = std::chrono::seconds(60);  // while positions are open
  Duration unprotected_max = std::chrono::seconds(15);
  Duration account_age_max = std::chrono::seconds(10);  // an older account is not judged anew
};

struct Judgement {
  std::optional<std::string> holds;  // "DAILY_DRAWDOWN: max_percent=5 got=5.2"
  bool complete = false;             // account and positions are known: that nothing holds can be trusted
  trading::event::EssMetrics metrics;
};

class Conditions {
 public:
  explicit Conditions(ConditionLimits limits) : limits_(limits) {}

  // An order that failed or whose outcome is unknown counts once, whatever repeats and however it ends, at the time of
  // the first event about it.
  void OnExecutionError(const std::string& client_order_id, WallTime at);
  // A person has seen them, and all of before `until`: only what comes after counts.
  void ForgetExecutionErrors(WallTime until = {});
  const std::map<std::string, WallTime>& execution_errors() const { return errors_; }

  void OnPosition(const std::string& symbol, Decimal quantity, bool is_protected, SteadyTime now);

  struct Facts {
    std::optional<AccountView> account;
    Decimal unrealized_pnl;
    Decimal daily_drawdown_percent_max;
    bool positions_known = false;
    std::map<std::string, Duration> market_age;  // by symbol
    SteadyTime now;
    WallTime wall_now;
  };
  Judgement Evaluate(const Facts& facts);

 private:
  struct Held {
    Decimal quantity;
    std::optional<SteadyTime> unprotected_since;
  };
  std::optional<std::string> JudgeAccount(const Facts& facts, const trading::event::EssMetrics& metrics) const;
  std::optional<std::string> JudgePositions(const Facts& facts) const;
  trading::event::EssMetrics Measure(const Facts& facts) const;

  ConditionLimits limits_;
  std::map<std::string, WallTime> errors_;  // by client order id
  WallTime errors_seen_{};                  // older ones were acknowledged
  std::map<std::string, Held> positions_;
  std::optional<std::string> account_holds_;  // as of the last account that was fresh
};

}  // namespace quantum::risk_safety
