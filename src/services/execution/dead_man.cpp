#include "services/execution/dead_man.h"

#include <algorithm>
#include <vector>

#include "platform/log/log.h"

namespace quantum::execution {

using namespace std::chrono_literals;
using trading::OrderStatus;

void DeadMan::Assume() {
  const std::vector<std::string> held = desk_.ledger.Symbols();
  for (const auto& symbols : {desk_.settings.symbols, held}) {
    for (const std::string& symbol : symbols) {
      if (!HasPositionForLong(symbol)) {
        armed_.try_emplace(symbol);
      }
    }
  }
}

void DeadMan::Run() {
  while (!desk_.stopping.is_set()) {
    Tick();
    work_.WaitFor(1s);
    work_.Reset();
  }
}

std::map<std::string, DeadMan::Standing> DeadMan::AllStanding() const {
  std::map<std::string, Standing> all;
  for (const OrderStatus status : {OrderStatus::kNew, OrderStatus::kPartiallyFilled, OrderStatus::kUnknown}) {
    for (const Order* order : desk_.ledger.OrdersWith(status)) {
      Standing& standing = all[order->symbol];
      (order->leg == Leg::kEntry ? standing.entries : standing.others) = true;
    }
  }
  return all;
}

bool DeadMan::HasPosition(const std::string& symbol) const {
  return !desk_.ledger.PositionOf(symbol).is_flat() || desk_.ledger.LacksFills(symbol);
}

bool DeadMan::HasPositionForLong(const std::string& symbol) const {
  const WallTime long_ago = desk_.Now() - kCountdown - kRefresh;
  return std::ranges::any_of(desk_.ledger.ActiveTrades(symbol), [&](const Trade* trade) {
    return trade->open_quantity().is_positive() && trade->entry_time < long_ago;
  });
}

void DeadMan::Tick() {
  std::map<std::string, Standing> all = AllStanding();
  for (const auto& [symbol, confirmed] : armed_) {
    all.try_emplace(symbol);
  }
  for (const auto& [symbol, standing] : all) {
    const bool armed = armed_.contains(symbol);
    // Nothing is open, and nothing that protects stands: only entries can be cancelled.
    if (standing.entries && !standing.others && !HasPosition(symbol)) {
      Arm(symbol);
    } else if (armed && !standing.entries && !standing.others && !armed_.at(symbol) && !HasPosition(symbol)) {
      if (desk_.clock.Steady() >= idle_at_) {
        idle_at_ = desk_.clock.Steady() + kIdlePause;
        Disarm(symbol);
      }
    } else if (armed) {
      Disarm(symbol);
    }
  }
}

void DeadMan::Arm(const std::string& symbol) {
  const SteadyTime now = desk_.clock.Steady();
  const auto armed = armed_.find(symbol);
  if (armed != armed_.end() && armed->second && now - *armed->second < kRefresh) {
    return;
  }
  const Status set = desk_.venue.CountdownCancelAll(symbol, kCountdown);
  if (set.ok()) {
    armed_[symbol] = now;
  } else {
    armed_.try_emplace(symbol);  // it may have come through
    log::Warning("the dead-man switch cannot be set; tried again in a second",
                 {{"symbol", symbol}, {"error", set.error().message}});
  }
}

void DeadMan::Disarm(const std::string& symbol) {
  const Status disarmed = desk_.venue.CountdownCancelAll(symbol, 0s);
  if (disarmed.ok()) {
    armed_.erase(symbol);
  } else {
    log::Warning("the dead-man switch cannot be taken back; tried again in a second",
                 {{"symbol", symbol}, {"error", disarmed.error().message}});
  }
}

void DeadMan::DisarmAll() {
  const auto armed = armed_;
  for (const auto& [symbol, confirmed] : armed) {
    Disarm(symbol);
  }
}

}  // namespace quantum::execution
